#include "source/file_source.h"

#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

using namespace warder;
using namespace warder::testing;
using source::NoticeKind;

namespace fs = std::filesystem;

TEST_CASE("lines are handed over as they are completed", "[source]") {
  const TemporaryFolder folder;
  folder.write("a.log", "one\ntwo\nthr");
  Following following({(folder / "a.log").string()});
  REQUIRE(following.lines() == Texts{"one", "two"});
  REQUIRE(following.source->wake_at() == std::nullopt);
  folder.append("a.log", "ee\r\n");
  REQUIRE(following.lines() == Texts{"three"});
  folder.append("a.log", "\n\nx\n");
  following.pump();
  REQUIRE(following.recorder.lines.size() == 3);
  REQUIRE(following.recorder.lines[2].offset == 17);
  REQUIRE(following.recorder.lines[2].length == 2);
  REQUIRE(following.recorder.take() == Texts{"", "", "x"});
  REQUIRE(following.recorder.notices.empty());
  REQUIRE(following.source->log_info(0).name == (folder / "a.log").string());
}

TEST_CASE("a new log begins at its end unless told otherwise", "[source]") {
  const TemporaryFolder folder;
  folder.write("a.log", "old\npartial");
  Following following({(folder / "*.log").string()}, source::FileOptions{});
  REQUIRE(following.lines().empty());
  folder.append("a.log", " line\nnew\n");
  REQUIRE(following.lines() == Texts{"partial line", "new"});
  folder.write("b.log", "came later\n");
  REQUIRE(following.lines() == Texts{"came later"});
}

TEST_CASE("a log that came under a watched pattern while the agent was down is read whole",
          "[source]") {
  const TemporaryFolder folder;
  folder.write("a.log", "old\n");
  Following following({(folder / "*.log").string(), (folder / "sub/named.log").string()},
                      source::FileOptions{});
  REQUIRE(following.lines().empty());
  following.store();
  following.stop();
  folder.append("a.log", "while down\n");
  folder.write("b.log", "new while down\n");
  fs::create_directory(folder / "sub");
  folder.write("sub/named.log", "named while down\n");
  following.start();
  REQUIRE(following.lines() == Texts{"while down", "new while down", "named while down"});
  following.store();
  following.restart();
  REQUIRE(following.lines().empty());
}

TEST_CASE("what was there before a pattern was ever watched begins at its end", "[source]") {
  const TemporaryFolder folder;
  folder.write("a.log", "old\n");
  Following following({(folder / "a.log").string()}, source::FileOptions{});
  REQUIRE(following.lines().empty());
  following.store();
  folder.write("b.log", "not asked for yet\n");
  Following wider({(folder / "*.log").string()}, source::FileOptions{});
  wider.positions = following.positions;
  wider.restart();
  REQUIRE(wider.lines().empty());
  folder.append("b.log", "asked for\n");
  REQUIRE(wider.lines() == Texts{"asked for"});
}

TEST_CASE("B01: rename and create", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"1"});
  folder.append("a.log", "2\n");
  fs::rename(log, folder / "a.log.1");
  folder.append("a.log.1", "3\n");
  folder.write("a.log", "4\n");
  folder.append("a.log.1", "5\n");
  REQUIRE(following.lines() == Texts{"2", "3", "5", "4"});
  folder.append("a.log.1", "6\n");
  REQUIRE(following.lines() == Texts{"6"});
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kRotated});
  following.pass(std::chrono::seconds(20));
  REQUIRE(following.source->status().open_files == 1);
  REQUIRE(following.source->wake_at() == std::nullopt);
  folder.append("a.log.1", "late\n");
  REQUIRE(following.lines() == Texts{"late"});
}

TEST_CASE("B02: copy and truncate", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n2\n");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"1", "2"});
  folder.append("a.log", "3\n");
  fs::copy_file(log, folder / "a.log.1");
  fs::resize_file(log, 0);
  folder.append("a.log", "4\n");
  REQUIRE(following.lines() == Texts{"3", "4"});
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kTruncated});
}
