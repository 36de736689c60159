// Section B of the fault list: what can happen to the folders above the logs.
#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

using namespace warder;
using namespace warder::testing;
using source::NoticeKind;

namespace fs = std::filesystem;

TEST_CASE("B11: a log whose folders come later", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder / "a/b/c.log";
  Following following({log.string()}, source::FileOptions{});
  REQUIRE(following.lines().empty());
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].text ==
          log.string() + ": is not there; it is read from its start as soon as it appears");
  fs::create_directory(folder / "a");
  following.pump();
  fs::create_directory(folder / "a/b");
  following.pump();
  folder.write("a/b/c.log", "1\n");
  REQUIRE(following.lines() == Texts{"1"});
  REQUIRE(following.recorder.notices.back().kind == NoticeKind::kBack);
  folder.append("a/b/c.log", "2\n");
  REQUIRE(following.lines() == Texts{"2"});
}

TEST_CASE("B11: a folder removed, made again, renamed", "[source]") {
  const TemporaryFolder folder;
  folder.write("a/x.log", "1\n");
  Following following({(folder / "a/*.log").string()});
  REQUIRE(following.lines() == Texts{"1"});
  fs::remove_all(folder / "a");
  following.pump();
  following.pass(std::chrono::seconds(30));
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kMissing});
  folder.write("a/x.log", "2\n");
  REQUIRE(following.lines() == Texts{"2"});
  fs::rename(folder / "a", folder / "old");
  folder.write("a/x.log", "3\n");
  folder.append("old/x.log", "2b\n");
  REQUIRE(following.lines() == Texts{"2b", "3"});
  folder.append("a/x.log", "4\n");
  REQUIRE(following.lines() == Texts{"4"});
}

TEST_CASE("B11: another folder put in the place of the watched one", "[source]") {
  const TemporaryFolder folder;
  folder.write("a/x.log", "1\n");
  folder.write("new/x.log", "other\n");
  Following following({(folder / "a/x.log").string()});
  REQUIRE(following.lines() == Texts{"1"});
  fs::rename(folder / "a", folder / "old");
  fs::rename(folder / "new", folder / "a");
  REQUIRE(following.lines() == Texts{"other"});
}

TEST_CASE("patterns find folders and logs as they come", "[source]") {
  const TemporaryFolder folder;
  Following following({(folder / "*/access.log").string(), (folder / "one/*.log").string()});
  following.pump();
  fs::create_directory(folder / "one");
  following.pump();
  folder.write("one/access.log", "1\n");
  folder.write("two/access.log", "2\n");
  folder.write("two/error.log", "not this\n");
  following.pump();
  folder.append("two/access.log", "3\n");
  following.pump();
  REQUIRE(following.recorder.take() == Texts{"1", "2", "3"});
  REQUIRE(following.source->log_info(0).inputs == std::vector<std::uint32_t>{0, 1});
  REQUIRE(following.source->log_info(1).inputs == std::vector<std::uint32_t>{0});
}

TEST_CASE("a pattern that matches rolled files does not follow them as logs", "[source]") {
  const TemporaryFolder folder;
  folder.write("a-2026-11-02T12-00-00.000.log", "older\n");
  folder.write("a-2026-11-02T12-30-00.000.log.gz", "x");
  folder.write("a.log", "now\n");
  folder.write("a-2.log", "another log\n");
  Following following({(folder / "a*").string()});
  REQUIRE(following.lines() == Texts{"now", "another log"});
  fs::rename(folder / "a.log", folder / "a-2026-11-02T13-00-00.000.log");
  folder.write("a.log", "new\n");
  REQUIRE(following.lines() == Texts{"new"});
  REQUIRE(following.source->status().logs == 2);
}
