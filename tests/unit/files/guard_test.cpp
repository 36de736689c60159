// What is told of files: by scans, by looks between them, over restarts, through accepts.
#include "files/guard.h"

#include "unit/files/world.h"
#include "util/users.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <filesystem>
#include <sys/stat.h>

using namespace warder;
using namespace std::chrono_literals;
using files::Difference;
using files::World;
using Lines = std::vector<std::string>;

namespace {

std::string sum(std::string_view content) {
  return files::short_digest(crypto::sha256(util::as_bytes(content)));
}

std::string me() { return util::user_name(::geteuid()); }
std::string us() { return util::group_name(::getegid()); }

// Modes as tests make them, whatever the mask.
void set_mode(const std::string& path, mode_t mode) { REQUIRE(::chmod(path.c_str(), mode) == 0); }

struct Ready : World {
  Ready() {
    write("passwd", "root");
    write("sub/shadow", "secret");
    set_mode(path("passwd"), 0644);
    set_mode(path("sub/shadow"), 0600);
    std::filesystem::create_symlink("passwd", path("link"));
    start();
    REQUIRE(guard->scan({}));
    CHECK(told.size() == 1);
  }
};

}  // namespace

TEST_CASE("the first run makes a baseline and says what is in it") {
  World world;
  world.write("a", "abc");
  world.start();
  CHECK(world.guard->due() <= world.clock.monotonic());
  REQUIRE(world.guard->scan({}));
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0] == fmt::format("notice baseline of 2 files and folders, 1 KiB of content, "
                                     "root {}; it covers D",
                                     world.newest_root.substr(0, 16)));
  CHECK(world.details[0]["facts"]["entries"] == 2);
  CHECK(world.details[0]["facts"]["bytes"] == 3);
  CHECK(world.newest_root.size() == 64);
  CHECK(world.guard->due() == world.clock.monotonic() + 1h);
  CHECK(files::stored_state(world.hooks, "system").state == files::FilesState::State::kGood);
  REQUIRE(world.full());
  CHECK(world.told == Lines{"info scan of 2 files and folders, 1 KiB read in 0.0 s: as in the "
                            "baseline"});
}

TEST_CASE("each kind of change is told exactly, once, and is over when it is undone") {
  Ready world;
  world.write("passwd", "evil");
  set_mode(world.path("passwd"), 0666);
  std::filesystem::remove(world.path("sub/shadow"));
  world.write("new", "n");
  set_mode(world.path("new"), 04755);
  std::filesystem::remove(world.path("link"));
  std::filesystem::create_symlink("/tmp/evil", world.path("link"));
  REQUIRE(world.full());
  CHECK(world.told ==
        Lines{"high changed D/link: leads to passwd -> /tmp/evil",
              fmt::format("high new D/new: file, 4755 {}:{}, 1 bytes, sha256 {}", me(), us(),
                          sum("n")),
              fmt::format("high changed D/passwd: mode 0644 -> 0666, sha256 {} -> {}", sum("root"),
                          sum("evil")),
              fmt::format("high missing D/sub/shadow: was file, 0600 {}:{}, 6 bytes, sha256 {}",
                          me(), us(), sum("secret")),
              "info scan of 5 files and folders, 1 KiB read in 0.0 s: 4 are not as in the "
              "baseline"});
  const nlohmann::json& detail = world.details[2];
  CHECK(detail["path"] == world.path("passwd"));
  CHECK(detail["change"] == "changed");
  CHECK(detail["state"] == "bad");
  CHECK(detail["severity"] == "high");
  CHECK(detail["before"]["mode"] == "0644");
  CHECK(detail["after"]["mode"] == "0666");
  CHECK(detail["after"]["sha256"].get<std::string>().substr(0, 12) == sum("evil"));
  CHECK(detail["cause"] == "somebody changed it, and no package explains it");
  CHECK(detail["next"] ==
        fmt::format("warder files show system; stat '{0}'; if it was you: warder files accept "
                    "system '{0}'",
                    world.path("passwd")));
  CHECK(detail["incident"].get<std::string>().starts_with("files/system/"));

  // Told once, over a restart too.
  REQUIRE(world.full());
  CHECK(world.news() == Lines{});
  world.start();
  REQUIRE(world.full());
  CHECK(world.news() == Lines{});
  CHECK(files::stored_state(world.hooks, "system").differences == 4);

  // Another change of the same file is told anew.
  set_mode(world.path("passwd"), 0777);
  REQUIRE(world.full());
  CHECK(world.news() ==
        Lines{fmt::format("high changed D/passwd: mode 0644 -> 0777, sha256 {} -> {}", sum("root"),
                          sum("evil"))});
  world.write("passwd", "root");
  set_mode(world.path("passwd"), 0644);
  std::filesystem::remove(world.path("new"));
  REQUIRE(world.full());
  CHECK(world.news() == Lines{"notice as in the baseline again: D/new",
                              "notice as in the baseline again: D/passwd"});
  CHECK(world.details[0]["state"] == "good");
}

TEST_CASE("a rename over a file, a folder in its place, another kind") {
  Ready world;
  world.write("passwd.tmp", "longer");
  set_mode(world.path("passwd.tmp"), 0644);
  std::filesystem::rename(world.path("passwd.tmp"), world.path("passwd"));
  std::filesystem::remove(world.path("link"));
  std::filesystem::create_directory(world.path("link"));
  set_mode(world.path("link"), 0777);
  REQUIRE(world.full());
  CHECK(world.news() ==
        Lines{"high changed D/link: link -> folder",
              fmt::format("high changed D/passwd: size 4 -> 6 bytes, sha256 {} -> {}", sum("root"),
                          sum("longer"))});
}

TEST_CASE("the quick scan reads what looks changed; forged times need the full one") {
  Ready world;
  world.clock.advance(2h);
  world.write("passwd", "evil");
  world.told.clear();
  REQUIRE(world.guard->scan({}));
  CHECK(world.told ==
        Lines{fmt::format("high changed D/passwd: sha256 {} -> {}", sum("root"), sum("evil"))});
  CHECK(world.guard->due() == world.clock.monotonic() + 1h);
}

TEST_CASE("accepting takes what was told, not what is there by then") {
  Ready world;
  world.write("passwd", "mine");
  world.write("new", "also mine");
  REQUIRE(world.full());
  auto told = files::stored_differences(world.hooks, "system").value();
  CHECK(told.size() == 2);
  world.write("passwd", "not mine");
  world.told.clear();
  REQUIRE(world.guard->accept(told));
  CHECK(world.told ==
        Lines{fmt::format("notice accepted: new D/new: {}", files::describe(*told[0].after)),
              fmt::format("notice accepted: changed D/passwd: sha256 {} -> {}", sum("root"),
                          sum("mine")),
              fmt::format("notice the baseline takes 2 changes by the operator's word, root {}",
                          world.newest_root.substr(0, 16))});
  CHECK(files::stored_differences(world.hooks, "system")->empty());
  REQUIRE(world.full());
  CHECK(world.news() ==
        Lines{fmt::format("high changed D/passwd: size 4 -> 8 bytes, sha256 {} -> {}", sum("mine"),
                          sum("not mine"))});
  // What was told of before is not accepted by that word.
  world.told.clear();
  REQUIRE(world.guard->accept(told));
  CHECK(world.told == Lines{});
}

TEST_CASE("many changes are one event with counts, and none is lost") {
  Ready world;
  for (int i = 0; i < 300; ++i) {
    world.write(fmt::format("many/{:03}", i), "x");
  }
  set_mode(world.path("many"), 0755);
  REQUIRE(world.full());
  REQUIRE(world.news() ==
          Lines{"warning 301 files and folders: 301 new; most in D/many (300), D (1)"});
  const nlohmann::json& facts = world.details[0]["facts"];
  CHECK(facts["new"] == 301);
  CHECK(facts["first"].size() + facts["not_listed"].get<std::size_t>() == 301);
  CHECK(files::stored_differences(world.hooks, "system")->size() == 301);
  std::filesystem::remove_all(world.path("many"));
  REQUIRE(world.full());
  CHECK(world.news() ==
        Lines{"notice as in the baseline again: 301 files and folders: 301 new; most in D/many "
              "(300), D (1)"});
}

TEST_CASE("more than are remembered are counted, and the rest follows") {
  Ready world;
  const int count = static_cast<int>(files::Findings::kMostListed) + 500;
  for (int i = 0; i < count; ++i) {
    world.write(fmt::format("many/{:05}", i), "");
  }
  REQUIRE(world.full());
  CHECK(world.told.at(1) ==
        fmt::format("high scan of {0} files and folders, 1 KiB read in 0.0 s: {1} are not as in "
                    "the baseline; the first 5000 are listed",
                    count + 6, count + 1));
  CHECK(files::stored_state(world.hooks, "system").differences ==
        static_cast<std::uint64_t>(count) + 1);
  REQUIRE(world.full());
  CHECK(world.news() == Lines{});
  for (int i = 0; i < 600; ++i) {
    std::filesystem::remove(world.path(fmt::format("many/{:05}", i)));
  }
  REQUIRE(world.full());
  CHECK(files::stored_state(world.hooks, "system").differences ==
        static_cast<std::uint64_t>(count) - 599);
  CHECK(world.told.size() == 3);
}

TEST_CASE("a baseline that was edited, put back or deleted is told") {
  Ready world;
  const auto before = world.kept;
  SECTION("edited") {
    for (auto& [name, value] : world.kept) {
      if (name.find("/chunk/") != std::string::npos) {
        value[30] ^= 1;
      }
    }
    CHECK_FALSE(world.full());
    CHECK(world.told == Lines{"critical could not be compared: the stored baseline is not what was "
                              "signed: part 1 of 1 is another"});
    CHECK(world.details[0]["next"] ==
          "warder verify; look at the files by hand, then make a new baseline: warder files "
          "baseline system");
    CHECK_FALSE(world.full());
    CHECK(world.told == Lines{});  // told once
    CHECK(files::stored_state(world.hooks, "system").state == files::FilesState::State::kUnknown);
    // The operator's word makes a new one, also when the agent was stopped before.
    world.guard->want_baseline();
    world.start();
    REQUIRE(world.guard->scan({}));
    REQUIRE(world.full());
    CHECK(world.news() == Lines{});
  }
  SECTION("an older one put back") {
    world.write("passwd", "mine");
    REQUIRE(world.full());
    REQUIRE(world.guard->accept(files::stored_differences(world.hooks, "system").value()));
    const std::string root = world.newest_root;
    for (const auto& [name, value] : before) {
      world.kept[name] = value;
    }
    world.start();
    CHECK_FALSE(world.full());
    REQUIRE(world.told.size() == 1);
    CHECK(
        world.told[0].starts_with("critical could not be compared: the stored baseline is not the "
                                  "newest that the history names ("));
    CHECK(world.told[0].find("instead of " + root.substr(0, 16)) != std::string::npos);
  }
  SECTION("deleted") {
    const std::string root = world.newest_root;
    world.kept.clear();
    world.start();
    REQUIRE(world.full());
    REQUIRE(world.told.size() == 2);
    CHECK(world.told[0] ==
          fmt::format("high the baseline {} is gone from the agent's database; the new one takes "
                      "what is there now for right",
                      root.substr(0, 16)));
  }
  SECTION("the list of what was told") {
    world.write("passwd", "evil");
    REQUIRE(world.full());
    CHECK(world.news().size() == 1);
    world.kept[files::differences_name("system")].back() ^= 1;
    world.start();
    REQUIRE(world.full());
    CHECK(world.news().size() == 1);  // rather twice than never
  }
}

TEST_CASE("nothing is taken for told that could not be recorded") {
  // Every record in turn fails: the baseline's parts, its header, what is told.
  for (int failing = 1; failing <= 2; ++failing) {
    World world;
    for (int i = 0; i < 3000; ++i) {
      world.write(fmt::format("{:04}", i), "");
    }
    world.start();
    world.refuse = failing;
    CHECK_FALSE(world.guard->scan({}));
    CHECK_FALSE(world.kept.contains(files::baseline_name("system")));
    world.refuse = 0;
    REQUIRE(world.full());
    CHECK(world.kept.contains(files::baseline_name("system")));
    // No part is left that no baseline names.
    const auto baseline = files::stored_baseline(world.hooks, "system");
    CHECK(world.hooks.names(files::chunk_prefix("system"))->size() == (*baseline)->chunks().size());
  }
  Ready world;
  world.write("passwd", "evil");
  world.refuse = 1;
  CHECK_FALSE(world.full());
  world.refuse = 0;
  REQUIRE(world.full());
  CHECK(world.news().size() == 1);
  const auto told = files::stored_differences(world.hooks, "system").value();
  for (int failing = 1; failing <= 2; ++failing) {
    world.refuse = failing;
    CHECK_FALSE(world.guard->accept(told));
    world.refuse = 0;
    CHECK(files::stored_baseline(world.hooks, "system").has_value());
    CHECK(files::stored_differences(world.hooks, "system").value() == told);
  }
  REQUIRE(world.guard->accept(told));
  REQUIRE(world.full());
  CHECK(world.news() == Lines{});
}

TEST_CASE("other paths keep what is known of the old ones") {
  Ready world;
  world.folder.write("root/e/other", "o");
  world.write("passwd", "evil");
  world.cover({world.folder / "root/d", world.folder / "root/e"}, {world.path("sub")});
  world.start();
  REQUIRE(world.full());
  REQUIRE(world.news().size() == 2);
  CHECK(world.news()[0] ==
        fmt::format("high changed D/passwd: sha256 {} -> {}", sum("root"), sum("evil")));
  CHECK(world.news()[1] ==
        fmt::format("notice other paths are configured: the baseline had 5 files "
                    "and folders and has 5 now, root {}",
                    world.newest_root.substr(0, 16)));
  world.folder.write("root/e/other", "changed");
  REQUIRE(world.full());
  CHECK(world.news().size() == 1);
  CHECK(world.news()[0].starts_with("high changed "));
}

TEST_CASE("a look between scans sees the paths it is told of, and only those") {
  Ready world;
  world.write("passwd", "evil");
  world.write("sub/shadow", "evil too");
  REQUIRE(
      world.look({{world.path("passwd"), {files::Walk::Depth::kSelf, "vi (pid 7, user root)"}}}));
  CHECK(world.told ==
        Lines{fmt::format("high changed D/passwd: sha256 {} -> {}; by vi (pid 7, user "
                          "root)",
                          sum("root"), sum("evil"))});
  CHECK(world.details[0]["by"] == "vi (pid 7, user root)");
  CHECK(world.details[0]["cause"] ==
        "vi (pid 7, user root) changed it, and no package explains it");
  REQUIRE(world.look({{world.path("passwd"), {}}}));
  CHECK(world.told == Lines{});
  REQUIRE(world.look({{world.path("sub"), {files::Walk::Depth::kAll, ""}}}));
  CHECK(world.told.size() == 1);
  // The scan tells neither again, and keeps who was seen.
  REQUIRE(world.full());
  CHECK(world.news() == Lines{});
  CHECK(files::stored_differences(world.hooks, "system").value()[0].by == "vi (pid 7, user root)");
  world.write("passwd", "root");
  REQUIRE(world.look({{world.path("passwd"), {}}}));
  CHECK(world.told == Lines{"notice as in the baseline again: D/passwd"});
  // Outside of what is watched nothing is looked at.
  world.folder.write("root/other", "x");
  REQUIRE(world.look({{(world.folder / "root/other").string(), {}}}));
  CHECK(world.told == Lines{});
}

TEST_CASE("a look while a scan is on counts for the scan") {
  Ready world;
  world.write("zz", std::string(1'000'000, 'z'));
  world.told.clear();
  world.guard->want_full();
  world.options.budget = util::ByteCount{1};
  world.start();
  world.guard->want_full();
  bool looked = false;
  REQUIRE(world.guard->scan([&](std::chrono::microseconds) {
    if (!looked) {
      looked = true;
      world.write("link2", "made while the scan is behind it");
      REQUIRE(world.guard->look({{world.path("link2"), {}}}, [](auto) { return true; }));
    }
    return true;
  }));
  const std::size_t again = static_cast<std::size_t>(
      std::count_if(world.told.begin(), world.told.end(), [](const std::string& line) {
        return line.find("as in the baseline again") != std::string::npos;
      }));
  CHECK(again == 0);
  world.told.clear();
  world.guard->want_full();
  REQUIRE(world.guard->scan([](auto) { return true; }));
  CHECK(world.news() == Lines{});
}

TEST_CASE("a folder that cannot be read hides no lie: what is below is not called missing") {
  if (::geteuid() == 0) {
    // Root reads everything: another user looks.
    REQUIRE(::seteuid(65534) == 0);
  }
  const struct Back {
    ~Back() {
      if (::getuid() == 0) {
        [[maybe_unused]] const int back = ::seteuid(0);
      }
    }
  } back;
  Ready world;
  set_mode(world.path("sub"), 0);
  REQUIRE(world.full());
  CHECK(world.news().size() == 1);
  CHECK(world.news()[0].ends_with("-> 0000, its names cannot be read"));
  set_mode(world.path("sub"), 0755);
}
