#include "filter/calendar.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using warder::filter::Calendar;
using warder::filter::DateFields;
using warder::filter::DateRules;
using warder::filter::TimeZone;

using warder::util::format_rfc3339;
using warder::util::parse_rfc3339;

namespace {

std::string text(const DateFields& fields, const char* now, const TimeZone& zone = TimeZone()) {
  const auto time = Calendar(zone).resolve(fields, parse_rfc3339(now).value());
  return time ? format_rfc3339(*time) : "none";
}

DateFields day_of_month(int month, int day, int hour, int minute, int second) {
  DateFields fields;
  fields.month = month;
  fields.day = day;
  fields.hour = hour;
  fields.minute = minute;
  fields.second = second;
  return fields;
}

TimeZone zone_of(std::string_view name) { return TimeZone::parse(name).value(); }

}  // namespace

TEST_CASE("a date without a year is the latest that is at most a day ahead") {
  CHECK(text(day_of_month(7, 31, 21, 59, 59), "2026-08-01T00:00:00Z") == "2026-07-31T21:59:59Z");
  CHECK(text(day_of_month(8, 1, 12, 0, 0), "2026-08-01T00:00:00Z") == "2026-08-01T12:00:00Z");
  CHECK(text(day_of_month(8, 2, 23, 0, 0), "2026-08-01T00:00:00Z") == "2025-08-02T23:00:00Z");
  CHECK(text(day_of_month(12, 25, 10, 0, 0), "2026-08-01T00:00:00Z") == "2025-12-25T10:00:00Z");
  CHECK(text(day_of_month(12, 31, 23, 59, 59), "2027-01-01T00:00:01Z") == "2026-12-31T23:59:59Z");
  CHECK(text(day_of_month(1, 1, 0, 0, 1), "2026-12-31T23:59:59Z") == "2027-01-01T00:00:01Z");
  CHECK(text(day_of_month(2, 29, 1, 0, 0), "2028-03-01T00:00:00Z") == "2028-02-29T01:00:00Z");
  CHECK(text(day_of_month(2, 29, 1, 0, 0), "2029-03-01T00:00:00Z") == "2028-02-29T01:00:00Z");
  CHECK(text(day_of_month(2, 29, 1, 0, 0), "2026-03-01T00:00:00Z") == "none");
}

TEST_CASE("a time alone is today's, or yesterday's when it would be ahead") {
  DateFields fields;
  fields.hour = 23;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-07-31T23:00:00Z");
  fields.hour = 0;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-08-01T00:00:00Z");
}

TEST_CASE("days that do not exist are no dates") {
  DateFields fields = day_of_month(2, 30, 10, 0, 0);
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "none");
  fields.year = 2026;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "none");
}

TEST_CASE("a time of day within the second that is now is today's") {
  DateFields fields;
  fields.hour = 20;
  fields.microsecond = 250000;
  CHECK(text(fields, "2026-08-01T20:00:00Z") == "2026-08-01T20:00:00.250000Z");
  CHECK(text(fields, "2026-08-01T19:59:59Z") == "2026-07-31T20:00:00.250000Z");
}

TEST_CASE("zones: of the line, given, of the system with its rules") {
  DateFields fields = day_of_month(7, 31, 21, 59, 59);
  fields.year = 2026;
  fields.microsecond = 981000;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-07-31T21:59:59.981000Z");
  CHECK(text(fields, "2026-08-01T00:00:00Z", TimeZone::fixed(2h)) == "2026-07-31T19:59:59.981000Z");
  fields.utc_offset = -7h;
  CHECK(text(fields, "2026-08-01T00:00:00Z", TimeZone::fixed(2h)) == "2026-08-01T04:59:59.981000Z");
  fields.utc_offset.reset();
  fields.microsecond = 0;
  const TimeZone berlin = zone_of("Europe/Berlin");
  CHECK(text(fields, "2026-08-01T00:00:00Z", berlin) == "2026-07-31T19:59:59Z");
  fields.month = 1;
  CHECK(text(fields, "2026-08-01T00:00:00Z", berlin) == "2026-01-31T20:59:59Z");
  // It is 1 January in the system's zone already, when a line of 31 December is read.
  CHECK(text(day_of_month(12, 31, 23, 59, 59), "2026-12-31T23:00:01Z", berlin) ==
        "2026-12-31T22:59:59Z");
}

TEST_CASE("the zone's offset is right on both sides of a change of the clocks") {
  Calendar calendar(zone_of("Europe/Berlin"));
  DateFields fields = day_of_month(3, 29, 1, 59, 59);
  fields.year = 2026;
  const auto now = parse_rfc3339("2026-08-01T00:00:00Z").value();
  CHECK(format_rfc3339(calendar.resolve(fields, now).value()) == "2026-03-29T00:59:59Z");
  fields.hour = 3;
  CHECK(format_rfc3339(calendar.resolve(fields, now).value()) == "2026-03-29T01:59:59Z");
  fields.hour = 1;
  CHECK(format_rfc3339(calendar.resolve(fields, now).value()) == "2026-03-29T00:59:59Z");
}

TEST_CASE("seconds since 1970 need nothing else") {
  DateFields fields;
  fields.epoch = 1785500000123ms;
  CHECK(text(fields, "2026-08-01T00:00:00Z", TimeZone::fixed(2h)) == "2026-07-31T12:13:20.123000Z");
}

TEST_CASE("where the clocks are set back, the later time that is not ahead of now") {
  const TimeZone berlin = zone_of("Europe/Berlin");
  DateFields fields = day_of_month(10, 25, 2, 30, 0);
  fields.year = 2026;
  CHECK(text(fields, "2026-10-25T00:30:01Z", berlin) == "2026-10-25T00:30:00Z");
  CHECK(text(fields, "2026-10-25T01:30:01Z", berlin) == "2026-10-25T01:30:00Z");
  CHECK(text(fields, "2026-12-01T00:00:00Z", berlin) == "2026-10-25T01:30:00Z");
}

TEST_CASE("where the clocks are set forward, a time that none shows is read without it") {
  DateFields fields = day_of_month(3, 29, 2, 30, 0);
  fields.year = 2026;
  CHECK(text(fields, "2026-08-01T00:00:00Z", zone_of("Europe/Berlin")) == "2026-03-29T01:30:00Z");
}

TEST_CASE("days of the year, and of a week") {
  DateFields fields;
  fields.year = 2026;
  fields.day_of_year = 60;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-03-01T00:00:00Z");
  fields.year = 2024;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2024-02-29T00:00:00Z");
  fields.day_of_year.reset();
  fields.year = 2026;
  fields.week = 30;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-08-01T00:00:00Z");  // no weekday: today
  fields.weekday = 6;
  fields.week_kind = warder::filter::WeekKind::kSunday;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-07-26T00:00:00Z");
  fields.week_kind = warder::filter::WeekKind::kMonday;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-08-02T00:00:00Z");
  fields.week_kind = warder::filter::WeekKind::kIso;
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "2026-07-26T00:00:00Z");
}

TEST_CASE("fail2ban's rules: this year or the last") {
  const auto compat = [](const DateFields& fields, const char* now) {
    const auto time =
        Calendar(TimeZone(), DateRules::kCompat).resolve(fields, parse_rfc3339(now).value());
    return time ? format_rfc3339(*time) : "none";
  };
  CHECK(compat(day_of_month(12, 31, 23, 59, 59), "2027-01-01T00:00:01Z") == "2026-12-31T23:59:59Z");
  CHECK(compat(day_of_month(1, 1, 0, 0, 1), "2026-12-31T23:59:59Z") == "2026-01-01T00:00:01Z");
  CHECK(compat(day_of_month(2, 29, 1, 0, 0), "2028-03-01T00:00:00Z") == "2028-02-29T01:00:00Z");
  CHECK(compat(day_of_month(2, 29, 1, 0, 0), "2029-03-01T00:00:00Z") == "none");
}

TEST_CASE("hours and minutes that no clock shows") {
  DateFields fields = day_of_month(7, 31, 27, 0, 0);
  CHECK(text(fields, "2026-08-01T00:00:00Z") == "none");
  fields = day_of_month(7, 31, 23, 59, 60);
  CHECK(text(fields, "2026-08-02T00:00:00Z") == "2026-08-01T00:00:00Z");
}
