#include "engine/recent_lines.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <filesystem>
#include <fstream>

using namespace std::chrono_literals;
using namespace warder;

namespace {

const util::WallTime kNow = util::parse_rfc3339("2026-08-01T12:00:00Z").value();

struct Texts : source::LineHandler {
  std::vector<std::string> texts;
  void on_line(const model::Line& line) override { texts.emplace_back(line.text); }
  void on_notice(const source::Notice&) override {}
};

std::shared_ptr<const filter::Filter> text_filter() {
  return filter::make_filter({{"failregex", "^ ?no entry for <HOST>"}}).value();
}
std::shared_ptr<const filter::Filter> json_filter() {
  return filter::make_filter({{"format", "json"},
                              {"address", "ip"},
                              {"time", "ts"},
                              {"condition", "bad: status == 401"}})
      .value();
}

struct Read {
  std::vector<std::string> texts;
  std::uint64_t bytes = 0;
};
Read read(const std::filesystem::path& path, std::shared_ptr<const filter::Filter> filter,
          std::uint64_t most, std::chrono::seconds span = 1h) {
  const util::SystemClock clock;
  engine::LineDates dates(std::move(filter), {}, kNow);
  Texts handler;
  const auto got =
      engine::read_recent_lines(path.string(), {kNow - span, most}, dates, clock, handler);
  INFO((got ? "" : got.error().message()));
  REQUIRE(got.has_value());
  return {std::move(handler.texts), *got};
}

}  // namespace

TEST_CASE("the recent lines of a log are those since then, whether dated themselves or not",
          "[recent_lines]") {
  const testing::TemporaryFolder folder;
  const auto log = folder.path() / "door.log";
  std::ofstream(log) << "2026-08-01T10:59:58Z no entry for 192.0.2.1\n"
                        "without a date, old\n"
                        "2026-08-01T11:00:00Z opened for 192.0.2.2\n"
                        "without a date, new\n"
                        "2026-08-01T11:30:00Z no entry for 192.0.2.3";
  CHECK(read(log, text_filter(), 1U << 20U).texts ==
        std::vector<std::string>{"2026-08-01T11:00:00Z opened for 192.0.2.2", "without a date, new",
                                 "2026-08-01T11:30:00Z no entry for 192.0.2.3"});
  CHECK(read(log, text_filter(), 1U << 20U, 10min).texts.empty());
  // The rest of a line is none.
  CHECK(read(log, text_filter(), 60).texts ==
        std::vector<std::string>{"2026-08-01T11:30:00Z no entry for 192.0.2.3"});
}

TEST_CASE("JSON lines are dated by the first member that can be a time", "[recent_lines]") {
  const testing::TemporaryFolder folder;
  const auto log = folder.path() / "access.log";
  const auto seconds = [](util::WallTime time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
  };
  std::string text;
  for (const auto age : {2h, 1h, 0h}) {
    text += fmt::format(R"({{"size":7,"ts":{:.3f},"ip":"192.0.2.{}"}})", seconds(kNow - age),
                        age / 1h) +
            '\n';
  }
  std::ofstream(log) << text;
  const Read got = read(log, json_filter(), 1U << 20U);
  REQUIRE(got.texts.size() == 2);
  CHECK(got.texts[0].ends_with(R"("192.0.2.1"})"));
  CHECK(got.texts[1].ends_with(R"("192.0.2.0"})"));
  engine::LineDates dates(json_filter(), {}, kNow);
  CHECK(dates.of(R"({"a":"2026-08-01T11:00:00Z"})") == kNow - 1h);
  for (const char* undated :
       {"", "x", "[1785578400]", R"({"a":1})", R"({"a":"1999-01-01T00:00:00Z"})",
        R"({"a":{"b":1785578400}})", R"({"a":1e300,"b":null})"}) {
    CHECK_FALSE(dates.of(undated));
  }
}

TEST_CASE("of a long log only the end is read, from where the recent begins", "[recent_lines]") {
  const testing::TemporaryFolder folder;
  const auto log = folder.path() / "door.log";
  // 48 bytes a line, one a second: 10 hours.
  std::string text;
  for (int second = 36'000; second > 0; --second) {
    text += fmt::format("{} no entry for 198.51.100.1\n",
                        util::format_rfc3339(kNow - std::chrono::seconds(second)));
  }
  REQUIRE(text.size() == 36'000 * 47);
  std::ofstream(log) << text;
  const Read hour = read(log, text_filter(), 1U << 30U);
  CHECK(hour.texts.size() == 3600);
  CHECK(hour.texts.front().starts_with("2026-08-01T11:00:00Z"));
  CHECK(hour.bytes < 3600 * 47 + (256U << 10U) + (3 * (64U << 10U)));
  const Read limited = read(log, text_filter(), 4700);
  CHECK(limited.texts.size() == 99);
  CHECK(limited.bytes == 2 * 4700);
}

TEST_CASE("what is no log of lines is refused, an empty one is empty", "[recent_lines]") {
  const testing::TemporaryFolder folder;
  const util::SystemClock clock;
  engine::LineDates dates(text_filter(), {}, kNow);
  Texts handler;
  const auto missing =
      engine::read_recent_lines((folder.path() / "none").string(), {}, dates, clock, handler);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == util::ErrorCode::kNotFound);
  const auto device = engine::read_recent_lines("/dev/null", {}, dates, clock, handler);
  REQUIRE_FALSE(device);
  CHECK(device.error().code() == util::ErrorCode::kInvalid);
  std::ofstream(folder.path() / "empty");
  CHECK(read(folder.path() / "empty", text_filter(), 100).texts.empty());
}
