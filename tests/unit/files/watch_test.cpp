// What a real kernel tells of changes between the scans.
#include "files/watch.h"

#include "files/guards.h"
#include "unit/files/world.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using files::Walk;
using files::Watch;
using files::World;
using Lines = std::vector<std::string>;

namespace {

struct Watched : World {
  explicit Watched(files::Watching kind = files::Watching::kInotify) {
    write("passwd", "root");
    write("sub/shadow", "secret");
    write("skip/x", "x");
    write("alone", "x");
    cover({folder / "root/d/sub", folder / "root/d/alone", folder / "root/d/later"},
          {folder / "root/d/sub/skip"});
    std::filesystem::create_directory(path("sub/skip"));
    options.watching = kind;
    watch = std::make_unique<Watch>(options, clock);
    REQUIRE(watch->start({}));
  }
  // "D/sub/shadow", "D/sub/new/*" with everything below; by whom behind it.
  Lines touched() {
    watch->read();
    Lines lines;
    for (const auto& [path, how] : watch->take()) {
      std::string by = how.by;
      if (const std::size_t pid = by.find(std::to_string(::getpid())); pid != std::string::npos) {
        by = fmt::format(" by pid {}", by.substr(0, by.find(" (pid")).empty() ? "?" : "me");
      }
      lines.push_back(
          fmt::format("{}{}{}", short_of(path), how.depth == Walk::Depth::kAll ? "/*" : "", by));
    }
    return lines;
  }
  std::unique_ptr<Watch> watch;
};

void watches_everything_but(Watched& world, const std::string& by) {
  CHECK(world.touched() == Lines{});
  world.write("sub/shadow", "other");
  CHECK(world.touched() == Lines{"D/sub/shadow" + by});
  REQUIRE(::chmod(world.path("sub/shadow").c_str(), 0600) == 0);
  CHECK(world.touched() == Lines{"D/sub/shadow" + by});
  world.write("sub/new", "x");
  CHECK(world.touched() == Lines{"D/sub/new/*" + by});
  std::filesystem::remove(world.path("sub/new"));
  CHECK(world.touched() == Lines{"D/sub/new/*" + by});
  // What is beside or excluded is nobody's business.
  world.write("passwd", "x");
  world.write("sub/skip/x", "x");
  CHECK(world.touched() == Lines{});
  // A file by itself, also when another takes its place.
  world.write("alone", "y");
  CHECK(world.touched() == Lines{"D/alone" + by});
  world.write("tmp", "z");
  std::filesystem::rename(world.path("tmp"), world.path("alone"));
  CHECK(world.touched() == Lines{"D/alone/*" + by});
  world.write("alone", "again");
  CHECK(world.touched() == Lines{"D/alone" + by});
  // What was not there at the start.
  world.write("later/deep/x", "x");
  CHECK(world.touched() == Lines{"D/later/*" + by});
  world.write("later/deep/x", "y");
  CHECK(world.touched() == Lines{"D/later/deep/x" + by});
  // A folder that comes, and goes: then it is not listened to any more.
  world.write("made/deep/x", "x");
  std::filesystem::rename(world.path("made"), world.path("sub/made"));
  CHECK(world.touched() == Lines{"D/sub/made/*" + by});
  world.write("sub/made/deep/x", "y");
  CHECK(world.touched() == Lines{"D/sub/made/deep/x" + by});
  std::filesystem::rename(world.path("sub/made"), world.path("made"));
  CHECK(world.touched().front() == "D/sub/made/*" + by);
  world.write("made/deep/x", "z");
  CHECK(world.touched() == Lines{});
}

}  // namespace

TEST_CASE("inotify tells what is touched") {
  Watched world;
  CHECK(world.watch->text().starts_with("inotify, "));
  watches_everything_but(world, "");
}

TEST_CASE("fanotify tells the same and by whom, or says why it cannot and leaves it to inotify") {
  const auto possible = files::make_fanotify();
  Watched world(files::Watching::kFanotify);
  INFO(world.watch->text());
  if (possible) {
    CHECK(world.watch->text().starts_with("fanotify, "));
    watches_everything_but(world, " by pid me");
  } else {
    CHECK(possible.error().code() == util::ErrorCode::kDenied);
    CHECK(world.watch->text().find("(" + possible.error().message()) != std::string::npos);
    watches_everything_but(world, "");
  }
}

TEST_CASE("more than is kept is not lost in silence") {
  Watched world;
  for (std::size_t i = 0; i < Watch::kMostTouched + 1; ++i) {
    world.watch->give_back({{world.path(fmt::format("sub/{}", i)), {}}});
  }
  CHECK(world.watch->lost());
  CHECK(world.watch->take().size() == Watch::kMostTouched);
  REQUIRE(world.watch->start({}));
  CHECK_FALSE(world.watch->lost());
}

TEST_CASE("without watching there is no descriptor") {
  Watched world(files::Watching::kNone);
  CHECK(world.watch->descriptor() == -1);
  CHECK(world.watch->text() == "scans alone");
  world.write("sub/shadow", "x");
  CHECK(world.touched() == Lines{});
}

TEST_CASE("the thread makes the baseline, hears of a change, takes the operator's word, stops") {
  World world;
  const util::SystemClock clock;
  std::mutex mutex;
  std::condition_variable changed;
  const auto record = world.hooks.record;
  const auto remembered = world.hooks.remembered;
  const auto names = world.hooks.names;
  world.hooks.record = [&](auto events, auto kept) {
    const std::lock_guard lock(mutex);
    const util::Status done = record(std::move(events), std::move(kept));
    changed.notify_all();
    return done;
  };
  world.hooks.remembered = [&](const std::string& name) {
    const std::lock_guard lock(mutex);
    return remembered(name);
  };
  world.hooks.names = [&](const std::string& prefix) {
    const std::lock_guard lock(mutex);
    return names(prefix);
  };
  const auto told = [&](std::string_view beginning) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 60s, [&] {
      return std::any_of(world.told.begin(), world.told.end(),
                         [&](const std::string& line) { return line.starts_with(beginning); });
    });
  };
  world.write("passwd", "root");
  world.options.quick_every = 0s;
  files::FilesThread thread(world.hooks, clock);
  CHECK(thread.want_full("system").error().code() == util::ErrorCode::kNotFound);
  thread.use({world.options});
  CHECK(told("notice baseline of 2 files and folders"));
  // The next scan is a day away: it is the kernel that tells.
  world.write("passwd", "evil");
  CHECK(told("high changed D/passwd: sha256 "));
  CHECK(thread.accept("system", world.path("sub")).error().code() == util::ErrorCode::kNotFound);
  CHECK(thread.accept("system", world.path("passwd")).value() == 1);
  CHECK(told("notice the baseline takes 1 change by the operator's word"));
  // A name that is no text is meant as it is shown.
  world.write("b\xff", "x");
  CHECK(told("warning new D/b\\xff: "));
  CHECK(thread.accept("system", world.path("b\\xff")).value() == 1);
  REQUIRE(thread.want_full("system"));
  CHECK(told("info scan of 3 files and folders"));
  REQUIRE(thread.want_baseline("system"));
  thread.use({});
  thread.stop();
}
