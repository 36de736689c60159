#include "source/file_source.h"

#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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

namespace {

// A log of 400 lines that was judged to its end before the power went.
struct CutLog {
  explicit CutLog(const TemporaryFolder& in) : folder(in), path(in / "a.log") {
    for (int number = 0; number < 400; ++number) {
      judged += "a line that was judged, number " + std::to_string(number) + "\n";
    }
    folder.write("a.log", judged);
    following.emplace(std::vector{path.string()});
    REQUIRE(following->pump().lines.size() == 400);
    generation = following->recorder.lines[0].generation;
    following->recorder.lines.clear();
    following->store();
    following->stop();
    written = fs::last_write_time(path);
  }
  // As the disk gives it back: an end that is not there, or zeros for it.
  void lose_power(std::size_t kept, std::size_t zeros) const {
    fs::resize_file(path, kept);
    fs::resize_file(path, kept + zeros);
    fs::last_write_time(path, written - std::chrono::seconds(3));
  }

  const TemporaryFolder& folder;
  fs::path path;
  std::string judged;
  fs::file_time_type written;
  model::GenerationId generation;
  std::optional<Following> following;
};

}  // namespace

TEST_CASE("C14: what a loss of power cut off a log is not judged twice", "[source]") {
  const TemporaryFolder folder;
  CutLog log(folder);
  Following& following = *log.following;
  const std::size_t kept = GENERATE(5000, 9000);
  const std::size_t zeros = GENERATE(0, 1, 3000, 20000);
  log.lose_power(kept, zeros);
  following.start();
  REQUIRE(following.lines().empty());
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].text ==
          log.path.string() + ": has lost its end (judged up to offset " +
              std::to_string(log.judged.size()) + "; of its " + std::to_string(kept + zeros) +
              " bytes those from offset " + std::to_string(kept) +
              " on are missing or zero): the machine lost its power before they reached the disk, "
              "or somebody cut the file. Reading goes on there, nothing is judged twice");
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kTruncated});
  following.store();
  following.restart();
  REQUIRE(following.lines().empty());
  REQUIRE(following.recorder.take_kinds().empty());

  folder.append("a.log", "after\n" + std::string(20000, 'x') + "\nlast\n");
  following.pump();
  REQUIRE(following.recorder.lines.size() == 3);
  REQUIRE(following.recorder.lines[0].offset == kept + zeros);
  REQUIRE(following.recorder.take_kinds() == (zeros == 0 ? Kinds{} : Kinds{NoticeKind::kHole}));
  // Lines at the places of old ones have another name.
  REQUIRE(following.recorder.lines[0].generation != log.generation);
  REQUIRE(following.recorder.lines[2].generation == following.recorder.lines[0].generation);
  following.recorder.lines.clear();
  following.store();
  following.restart();
  folder.append("a.log", "more\n");
  REQUIRE(following.lines() == Texts{"more"});
}

TEST_CASE("C14: lines written behind what a loss of power cut off are judged", "[source]") {
  const TemporaryFolder folder;
  CutLog log(folder);
  Following& following = *log.following;
  const bool rotated = GENERATE(false, true);
  SECTION("behind the zeros of a block they alone") {
    log.lose_power(5000, 2 * 4096 - 5000);
    folder.append("a.log", "behind the zeros\n");
    if (rotated) {
      fs::rename(log.path, folder / "a.log.1");
      folder.write("a.log", "new\n");
    }
    following.start();
    REQUIRE(following.lines() ==
            (rotated ? Texts{"behind the zeros", "new"} : Texts{"behind the zeros"}));
  }
  SECTION("without them all: twice rather than never") {
    log.lose_power(5000, 0);
    folder.append("a.log", "at the cut\n");
    following.start();
    const Texts lines = following.lines();
    REQUIRE(lines.front() == "a line that was judged, number 0");
    REQUIRE(lines.back().ends_with("at the cut"));
  }
}

TEST_CASE("C14: a zero that somebody got into a line is no place to go on from", "[source]") {
  const TemporaryFolder folder;
  CutLog log(folder);
  log.lose_power(2 * 4096 - 1, 1);
  folder.append("a.log", "2026-11-26 wrong password from 203.0.113.9\n");
  log.following->start();
  REQUIRE(log.following->lines().front() == "a line that was judged, number 0");
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
