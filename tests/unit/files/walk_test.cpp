// What a walk of a real folder finds, and what it does not touch.
#include "files/walk.h"

#include "files/comparison.h"
#include "support/temporary_folder.h"
#include "util/clock.h"
#include "util/encoding.h"
#include "util/pace.h"
#include "util/strings.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace warder;
using files::Content;
using files::Entry;
using files::FileType;
using files::Walk;

namespace {

class Collect : public files::Visitor {
 public:
  util::Result<const Entry*> at(std::string_view path) override {
    if (before_reading) {
      before_reading(path);
    }
    return known.path == path ? &known : nullptr;
  }
  util::Status found(Entry entry) override {
    entries.push_back(std::move(entry));
    return {};
  }
  const Entry& of(const std::string& path) const {
    for (const Entry& entry : entries) {
      if (entry.path == path) {
        return entry;
      }
    }
    FAIL("no entry " << path);
    return entries.front();
  }

  std::vector<Entry> entries;
  Entry known;
  std::function<void(std::string_view)> before_reading;
};

struct World {
  testing::TemporaryFolder folder;
  util::SystemClock clock;
  Collect collected;
  files::WalkCounts counts;
  files::WalkLimits limits{.largest_file = util::mebibytes(1)};
  std::vector<std::string> exclude;

  util::Status walk(const std::string& root, Walk::Depth depth = Walk::Depth::kAll,
                    util::Pace::Rest rest = {}) {
    const auto scope = files::Scope::parse({"/"}, exclude).value();
    util::Pace pace(util::ByteCount{0}, clock, std::move(rest));
    Walk walk(scope, limits, pace);
    const util::Status walked = walk.run(root, depth, collected);
    counts = walk.counts();
    return walked;
  }
  std::string path(std::string_view name) const { return (folder / name).string(); }
};

}  // namespace

TEST_CASE("each kind of file is told by what it is, and links are not followed") {
  World world;
  world.folder.write("d/file", "abc");
  ::chmod(world.path("d/file").c_str(), 04751);
  std::filesystem::create_symlink("../outside", world.path("d/link"));
  std::filesystem::create_directory_symlink("/", world.path("d/root"));
  REQUIRE(::mkfifo(world.path("d/pipe").c_str(), 0600) == 0);
  world.folder.write("outside", "never read");
  REQUIRE(world.walk(world.path("d")));
  std::vector<std::string> names;
  for (const Entry& entry : world.collected.entries) {
    names.push_back(entry.path);
  }
  CHECK(names == std::vector<std::string>{world.path("d"), world.path("d/file"),
                                          world.path("d/link"), world.path("d/pipe"),
                                          world.path("d/root")});
  const Entry& file = world.collected.of(world.path("d/file"));
  CHECK(file.type == FileType::kFile);
  CHECK(file.content == Content::kRead);
  CHECK(file.mode == 04751);
  CHECK(file.size == 3);
  CHECK(file.owner == ::geteuid());
  CHECK(util::to_hex(file.digest) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(files::gives_rights(file));
  CHECK(world.collected.of(world.path("d/link")).link == "../outside");
  CHECK(world.collected.of(world.path("d/root")).type == FileType::kLink);
  CHECK(world.collected.of(world.path("d/pipe")).type == FileType::kFifo);
  CHECK(world.counts.entries == 5);
  CHECK(world.counts.files_read == 1);
  CHECK(world.counts.bytes_read == 3);
}

TEST_CASE("hostile names come through as they are") {
  World world;
  const std::vector<std::string> names{"\x1b[31mred", "a\nb", "bad\xff\xfe", "quote'\"\\",
                                       std::string(255, 'x')};
  for (const std::string& name : names) {
    world.folder.write("d/" + name, name);
  }
  REQUIRE(world.walk(world.path("d")));
  for (const std::string& name : names) {
    CHECK(world.collected.of(world.path("d/" + name)).size == name.size());
    files::Difference difference;
    difference.path = world.path("d/" + name);
    difference.after = world.collected.of(difference.path);
    const std::string text = difference.to_text({});
    CHECK(util::printable_again(text, 2000) == text);
  }
}

TEST_CASE("a path that is not there, one that is excluded, one alone") {
  World world;
  world.folder.write("d/a/b", "x");
  world.folder.write("d/c", "x");
  REQUIRE(world.walk(world.path("none")));
  CHECK(world.collected.entries.empty());
  REQUIRE(world.walk(world.path("d"), Walk::Depth::kSelf));
  CHECK(world.collected.entries.size() == 1);
  world.exclude = {world.path("d/a")};
  world.collected.entries.clear();
  REQUIRE(world.walk(world.path("d")));
  CHECK(world.collected.entries.size() == 2);
}

TEST_CASE("what is larger than is read is not read") {
  World world;
  world.folder.write("d/huge", "");
  REQUIRE(::truncate(world.path("d/huge").c_str(), off_t{1} << 40) == 0);
  REQUIRE(world.walk(world.path("d")));
  CHECK(world.collected.of(world.path("d/huge")).content == Content::kTooLarge);
  CHECK(world.counts.too_large == 1);
  CHECK(world.counts.bytes_read == 0);
}

TEST_CASE("a file that changes while it is read is read again, and given up in the end") {
  World world;
  world.folder.write("d/log", std::string(600'000, 'x'));
  // Pace asks after each piece; writing then is writing while it is read.
  int writes = 0;
  int most = 1;
  const util::SystemClock clock;
  const auto scope = files::Scope::parse({"/"}, {}).value();
  const auto walk = [&] {
    // A budget of one byte a second asks after each piece.
    util::Pace slow(util::ByteCount{1}, clock, [&](std::chrono::microseconds) {
      if (writes < most) {
        ++writes;
        world.folder.append("d/log", "more");
      }
      return true;
    });
    Walk one(scope, {.largest_file = util::mebibytes(10)}, slow);
    world.collected.entries.clear();
    REQUIRE(one.run(world.path("d/log"), Walk::Depth::kSelf, world.collected));
    world.counts = one.counts();
  };
  walk();
  CHECK(world.collected.entries.at(0).content == Content::kRead);
  CHECK(world.collected.entries.at(0).size == 600'004);
  writes = 0;
  most = 1000;
  walk();
  CHECK(world.collected.entries.at(0).content == Content::kUnsteady);
  CHECK(world.counts.unsteady == 1);
}

TEST_CASE("a file that goes or turns into another kind while it is looked at does no harm") {
  World world;
  world.folder.write("d/a", "x");
  world.folder.write("d/b", "x");
  world.folder.write("d/c", "x");
  world.collected.before_reading = [&](std::string_view path) {
    if (path.ends_with("/a")) {
      std::filesystem::remove(world.path("d/a"));
    } else if (path.ends_with("/b")) {
      std::filesystem::remove(world.path("d/b"));
      REQUIRE(::mkfifo(world.path("d/b").c_str(), 0600) == 0);
    }
  };
  REQUIRE(world.walk(world.path("d")));
  CHECK(world.collected.entries.size() == 3);
  CHECK(world.collected.of(world.path("d/b")).type == FileType::kFifo);
}

TEST_CASE("what is known and looks the same is not read") {
  World world;
  world.folder.write("d/a", "abc");
  REQUIRE(world.walk(world.path("d/a")));
  world.collected.known = world.collected.entries.at(0);
  world.collected.known.digest.fill(7);
  REQUIRE(world.walk(world.path("d/a")));
  CHECK(world.counts.bytes_read == 0);
  CHECK(world.collected.entries.at(1) == world.collected.known);
  world.folder.write("d/a", "abd");
  REQUIRE(world.walk(world.path("d/a")));
  CHECK(world.counts.bytes_read == 3);
  CHECK(world.collected.entries.at(2).digest != world.collected.known.digest);
}

TEST_CASE("folders within each other are entered to a depth, entries counted to a number") {
  World world;
  std::string deep = "d";
  for (int i = 0; i < 120; ++i) {
    deep += "/x";
  }
  world.folder.write(deep + "/file", "x");
  REQUIRE(world.walk(world.path("d")));
  CHECK(world.counts.too_deep == 1);
  CHECK(world.counts.entries == files::WalkLimits::kDeepest + 1);
  world.limits.most_entries = 10;
  CHECK(world.walk(world.path("d")).error().message() ==
        "there are more than 10 files and folders");
}

TEST_CASE("a scan is ended when it is told to") {
  World world;
  world.folder.write("d/a", "abc");
  const util::SystemClock clock;
  const auto scope = files::Scope::parse({"/"}, {}).value();
  util::Pace pace(util::ByteCount{1}, clock, [](std::chrono::microseconds) { return false; });
  Walk walk(scope, {}, pace);
  CHECK(walk.run(world.path("d"), Walk::Depth::kAll, world.collected).error().code() ==
        util::ErrorCode::kUnavailable);
}
