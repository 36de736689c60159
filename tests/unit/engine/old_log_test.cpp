#include "engine/old_log.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace warder;

namespace {

struct Collector : source::LineHandler {
  std::vector<std::pair<std::uint64_t, std::string>> lines;
  std::vector<source::NoticeKind> notices;
  void on_line(const model::Line& line) override {
    lines.emplace_back(line.offset, std::string(line.text));
  }
  void on_notice(const source::Notice& notice) override { notices.push_back(notice.kind); }
};

void write(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

Collector read(const std::filesystem::path& path) {
  const util::SystemClock clock;
  Collector collector;
  const util::Status done = engine::read_old_log(path.string(), {}, clock, collector);
  INFO((done ? "" : done.error().message()));
  REQUIRE(done.has_value());
  return collector;
}

}  // namespace

TEST_CASE("an old log is read to its end, the last line without a line end too", "[old_log]") {
  const testing::TemporaryFolder folder;
  write(folder.path() / "x.log", "one\r\ntwo\n\nfour");
  using Lines = std::vector<std::pair<std::uint64_t, std::string>>;
  CHECK(read(folder.path() / "x.log").lines ==
        Lines{{0, "one"}, {5, "two"}, {9, ""}, {10, "four"}});
  write(folder.path() / "long.log", std::string(70'000, 'x') + "\nshort\n");
  const Collector oversized = read(folder.path() / "long.log");
  CHECK(oversized.lines == Lines{{70'001, "short"}});
  CHECK(oversized.notices == std::vector{source::NoticeKind::kOversized});
}

TEST_CASE("gzip is told by content, a cut archive gives its good lines and an error", "[old_log]") {
  const testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "line " + std::to_string(i * 7919) + "\n";
  }
  write(folder.path() / "x.log.1", text);
  REQUIRE(std::system(("gzip -n " + (folder.path() / "x.log.1").string()).c_str()) == 0);
  const Collector whole = read(folder.path() / "x.log.1.gz");
  REQUIRE(whole.lines.size() == 20'000);
  CHECK(whole.lines.back().second == "line 158372081");
  std::filesystem::resize_file(folder.path() / "x.log.1.gz",
                               std::filesystem::file_size(folder.path() / "x.log.1.gz") / 2);
  const util::SystemClock clock;
  Collector cut;
  const util::Status done =
      engine::read_old_log((folder.path() / "x.log.1.gz").string(), {}, clock, cut);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().message().find("damaged or cut") != std::string::npos);
  CHECK(cut.lines.size() > 1000);
}

TEST_CASE("what is no log is refused with its name", "[old_log]") {
  const testing::TemporaryFolder folder;
  const util::SystemClock clock;
  Collector collector;
  const util::Status none =
      engine::read_old_log((folder.path() / "none").string(), {}, clock, collector);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code() == util::ErrorCode::kNotFound);
  CHECK_FALSE(engine::read_old_log(folder.path().string(), {}, clock, collector).has_value());
}

TEST_CASE("rotated siblings come oldest first", "[old_log]") {
  const testing::TemporaryFolder folder;
  for (const char* name :
       {"x.log", "x.log.1", "x.log.2.gz", "x.log.10.gz", "x.log.3.xz", "y.log"}) {
    write(folder.path() / name, "");
  }
  std::vector<std::string> left_out;
  const auto paths = engine::with_rotated((folder.path() / "x.log").string(), &left_out);
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    names.push_back(std::filesystem::path(path).filename().string());
  }
  CHECK(names == std::vector<std::string>{"x.log.10.gz", "x.log.2.gz", "x.log.1", "x.log"});
  CHECK(left_out == std::vector<std::string>{(folder.path() / "x.log.3.xz").string()});
}
