#include "backup/schedule.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>

namespace warder::backup {
namespace {

util::WallTime at(std::string_view text) { return util::parse_rfc3339(text).value(); }

std::string next(std::string_view schedule, std::string_view last, std::string_view now) {
  const auto parsed = parse_schedule(schedule);
  REQUIRE(parsed);
  const auto due =
      next_due(*parsed, last.empty() ? std::nullopt : std::optional(at(last)), at(now));
  return due ? util::format_rfc3339(*due) : "never";
}

struct Zone {
  explicit Zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

TEST_CASE("schedules give the next time after the last run") {
  const Zone utc("UTC");
  CHECK(next("never", "", "2026-11-25T12:00:00Z") == "never");
  CHECK(next("daily 03:00", "", "2026-11-25T12:00:00Z") == "2026-11-25T12:00:00Z");
  CHECK(next("daily 03:00", "2026-11-25T03:00:01Z", "2026-11-25T12:00:00Z") ==
        "2026-11-26T03:00:00Z");
  // The host was off: what was missed is due, once.
  CHECK(next("daily 03:00", "2026-11-20T03:00:01Z", "2026-11-25T12:00:00Z") ==
        "2026-11-21T03:00:00Z");
  CHECK(next("every 6h", "2026-11-25T03:00:00Z", "2026-11-25T04:00:00Z") == "2026-11-25T09:00:00Z");
  CHECK(next("weekly sun 05:00", "2026-11-25T03:00:00Z", "2026-11-25T04:00:00Z") ==
        "2026-11-29T05:00:00Z");
  CHECK(next("monthly 31 06:00", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z") ==
        "2026-11-30T06:00:00Z");
  CHECK(next("monthly 1 06:00", "2026-12-15T00:00:00Z", "2026-12-16T00:00:00Z") ==
        "2027-01-01T06:00:00Z");
}

TEST_CASE("a clock that was ahead does not stop a schedule") {
  const Zone utc("UTC");
  CHECK(next("daily 03:00", "2036-11-25T03:00:00Z", "2026-11-25T12:00:00Z") ==
        "2026-11-26T03:00:00Z");
}

TEST_CASE("daylight saving skips no day and gives none twice") {
  const Zone berlin("Europe/Berlin");
  // 02:30 does not exist on 2026-03-29, and exists twice on 2026-10-25.
  CHECK(next("daily 02:30", "2026-03-28T01:30:00Z", "2026-03-28T02:00:00Z") ==
        "2026-03-29T01:30:00Z");
  CHECK(next("daily 02:30", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z") ==
        "2026-03-30T00:30:00Z");
  const std::string once = next("daily 02:30", "2026-10-24T00:30:00Z", "2026-10-24T01:00:00Z");
  CHECK((once == "2026-10-25T00:30:00Z" || once == "2026-10-25T01:30:00Z"));
  CHECK(next("daily 02:30", once, once) == "2026-10-26T01:30:00Z");
}

TEST_CASE("what is no schedule is refused with what is") {
  for (const char* text : {"", "daily", "daily 24:00", "daily 3", "weekly 03:00", "weekly x 03:00",
                           "monthly 32 01:00", "every 1s", "never now", "daily 03:00 x"}) {
    const auto parsed = parse_schedule(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message().find("daily 03:00") != std::string::npos);
  }
}

}  // namespace
}  // namespace warder::backup
