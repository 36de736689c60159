// The vectors of reference/fail2ban-compat.md 25.4, all of them, under both rules. Fractions of
// seconds count with us; where the table gives whole seconds they are cut off here.
#include "date_support.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace warder::filter;

namespace {

struct Vector {
  const char* pattern;
  const char* line;
  const char* cut;
  const char* time;  // whole seconds; null for none
};

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all{
      {"", "2026-07-31T21:59:59.981+0200 x", "2026-07-31T21:59:59.981+0200", "2026-07-31T19:59:59"},
      {"", "2026-07-31 21:59:59,123 x", "2026-07-31 21:59:59,123", "2026-07-31T21:59:59"},
      {"", "2026-07-31T21:59:59.1234567Z x", "2026-07-31T21:59:59", "2026-07-31T21:59:59"},
      {"", "[2026-07-31 21:59:59] x", "2026-07-31 21:59:59", "2026-07-31T21:59:59"},
      {"", "Jul 31 21:59:59 h", "Jul 31 21:59:59", "2026-07-31T21:59:59"},
      {"", "Aug  1 12:00:00 h", "Aug  1 12:00:00", "2026-08-01T12:00:00"},
      {"", "Aug  2 23:00:00 h", "Aug  2 23:00:00", "2025-08-02T23:00:00"},
      {"", "Dec 25 10:00:00 h", "Dec 25 10:00:00", "2025-12-25T10:00:00"},
      {"", "Sun Jan 23 21:59:59.011 2005", "Sun Jan 23 21:59:59.011 2005", "2005-01-23T21:59:59"},
      {"", "31/07/26 21:59:59", "31/07/26 21:59:59", "2026-07-31T21:59:59"},
      {"", R"(1.2.3.4 - - [31/Jul/2026:09:22:55 -0700] "GET")", "31/Jul/2026:09:22:55 -0700",
       "2026-07-31T16:22:55"},
      {"", "07-31-2026 16:22:44.252", "07-31-2026 16:22:44.252", "2026-07-31T16:22:44"},
      {"", "1785500000.123 x", "1785500000.123", "2026-07-31T12:13:20"},
      {"", "[1785500000] x", "1785500000", "2026-07-31T12:13:20"},
      {"", "type=X msg=audit(1785500000.123:4): x", "1785500000.123", "2026-07-31T12:13:20"},
      {"", R"({"ts":1785500000.123})", nullptr, nullptr},
      {R"("ts":{EPOCH})", R"({"ts":1785500000.123})", R"("ts":1785500000.123)",
       "2026-07-31T12:13:20"},
      {R"("ts":{EPOCH})", R"({"level":"x","ts":1785500000.1234567,"a":1})", R"("ts":1785500000)",
       "2026-07-31T12:13:20"},
      {R"("ts":({EPOCH}))", R"({"ts":1785500000.123})", "1785500000.123", "2026-07-31T12:13:20"},
      {R"("ts":{LEPOCH})", R"({"ts":1785500000123456,"x":1})", R"("ts":1785500000123456)",
       "2026-07-31T12:13:20"},
      {"", "23:00:00 x", "23:00:00", "2026-07-31T23:00:00"},
      {"", "00:00:00 x", "00:00:00", "2026-08-01T00:00:00"},
      {"", "<07/31/26@05:03:30>", "<07/31/26@05:03:30>", "2026-07-31T05:03:30"},
      {"", "260731 11:46:11", "260731 11:46:11", "2026-07-31T11:46:11"},
      {"", "Jul 31, 2026 09:46:11 PM", "Jul 31, 2026 09:46:11 PM", "2026-07-31T21:46:11"},
      {"", "20260731-21:59:59", "20260731-21:59:59", "2026-07-31T21:59:59"},
      {"", "20260731T215959", "20260731T215959", "2026-07-31T21:59:59"},
      {"", "PDT Jul 31 21:05:29", "PDT Jul 31 21:05:29", "2026-08-01T04:05:29"},
      {"", "+02:00 Jul 31 21:59:59.011 2026", "+02:00 Jul 31 21:59:59.011 2026",
       "2026-07-31T19:59:59"},
      {"", "@4000000050f7c7d41c16dc3c x", "@4000000050f7c7d41c16dc3c", "2013-01-17T09:43:48"},
      {"", "x Jul 31 21:59:59 y 2026-07-31 20:00:00 z", "Jul 31 21:59:59", "2026-07-31T21:59:59"},
      {"", "2026-02-30 10:00:00 x", "2026-02-30 10:00:00", nullptr},
      {"", "3026-07-31 21:59:59 x", nullptr, nullptr},
      {"", "1999-07-31 21:59:59 x", nullptr, nullptr},
      {"{UNB}%Y%m%d", "abc20260731 x", "2026073", "2026-07-03T00:00:00"},
      {"**%Y%m%d", "abc20260731 x", "20260731", "2026-07-31T00:00:00"},
      {"%Y%m%d", "abc20260731 x", nullptr, nullptr},
      {"^%Y%m%d", "20260731x", nullptr, nullptr},
      {"%Y%m%d**", "20260731x", "2026073", "2026-07-03T00:00:00"},
      {"{^LN-BEG}", "x 2026-07-31 21:59:59", nullptr, nullptr},
      {"{^LN-BEG}", "[[[2026-07-31 21:59:59", nullptr, nullptr},
      {R"("time":"{DATE}")", R"(a "time":"2026-07-31T21:59:59Z" b)",
       R"("time":"2026-07-31T21:59:59Z")", "2026-07-31T21:59:59"},
      {"date=(%Y-%m-%d) time=%H:%M:%S", "date=2026-07-31 time=10:11:12", "2026-07-31",
       "2026-07-31T10:11:12"},
      {"at %I %p", "at 5 pm", "at 5 pm", "2026-07-31T17:00:00"},
  };
  return all;
}

// Without the fraction.
std::string whole_seconds(std::string text) {
  const std::size_t arrow = text.rfind(" -> ");
  const std::size_t point = text.find('.', arrow);
  return arrow == std::string::npos || point == std::string::npos ? text
                                                                  : text.substr(0, point) + "Z";
}

std::string expected(const Vector& vector) {
  if (vector.cut == nullptr) {
    return "no date";
  }
  return std::string(vector.cut) + " -> " +
         (vector.time == nullptr ? "none" : std::string(vector.time) + "Z");
}

}  // namespace

TEST_CASE("the vectors of the specification") {
  for (const Vector& vector : vectors()) {
    INFO(vector.pattern << " | " << vector.line);
    CHECK(whole_seconds(date_of(vector.pattern, vector.line)) == expected(vector));
    CHECK(whole_seconds(date_of(vector.pattern, vector.line, DateRules::kCompat)) ==
          expected(vector));
  }
}

TEST_CASE("fractions count in forms with them") {
  CHECK(date_of("", "1785500000.123 x") == "1785500000.123 -> 2026-07-31T12:13:20.123000Z");
  CHECK(date_of(R"("ts":{LEPOCH})", R"({"ts":1785500000123456,)") ==
        R"("ts":1785500000123456 -> 2026-07-31T12:13:20.123456Z)");
}

TEST_CASE("a line whose zone is that of logtimezone") {
  const auto in = [](const char* zone) {
    return date_of("", "2026-07-31 21:59:59", DateRules::kCompat, kNow,
                   TimeZone::parse(zone).value());
  };
  CHECK(in("UTC+0200") == "2026-07-31 21:59:59 -> 2026-07-31T19:59:59Z");
  CHECK(in("CET") == "2026-07-31 21:59:59 -> 2026-07-31T20:59:59Z");
  CHECK(in("CET+0100") == "2026-07-31 21:59:59 -> 2026-07-31T19:59:59Z");
}

TEST_CASE("{NONE}: the log has no dates") {
  CHECK(date_of("{NONE}", "2026-07-31 21:59:59 x") == "no date");
  CHECK(date_of("{none}", "", DateRules::kCompat) == "no date");
}
