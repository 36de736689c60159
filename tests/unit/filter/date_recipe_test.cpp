#include "filter/date_recipe.h"

#include <catch2/catch.hpp>

using warder::filter::DateRecipe;
using warder::filter::Option;
using warder::filter::Problems;
using warder::util::format_rfc3339;
using warder::util::parse_rfc3339;

namespace {

std::string find(const char* pattern, std::string_view line) {
  Problems problems;
  const DateRecipe recipe(Option{pattern, {"filters/x.conf", 3}}, problems);
  if (!problems.empty()) {
    return problems.to_error().message();
  }
  const auto found = recipe.find(line);
  if (!found) {
    return "no date";
  }
  const auto time = warder::filter::Calendar(std::chrono::seconds(0))
                        .resolve(found->fields, parse_rfc3339("2026-08-01T00:00:00Z").value());
  return std::string(line.substr(found->begin, found->end - found->begin)) + " -> " +
         (time ? format_rfc3339(*time) : "none");
}

}  // namespace

TEST_CASE("tokens of strptime") {
  CHECK(find("%Y-%m-%d %H:%M:%S", "x 2026-07-31 21:59:59 y") ==
        "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("%d.%m.%y %H:%M:%S,%f", "31.07.26 21:59:59,5 y") ==
        "31.07.26 21:59:59,5 -> 2026-07-31T21:59:59.500000Z");
  CHECK(find("%b %d, %ExY %I:%M:%S %p", "Jul 31, 2026 09:46:11 PM") ==
        "Jul 31, 2026 09:46:11 PM -> 2026-07-31T21:46:11Z");
  CHECK(find("%b %d, %ExY %I:%M:%S %p", "Jul 31, 2026 12:46:11 am") ==
        "Jul 31, 2026 12:46:11 am -> 2026-07-31T00:46:11Z");
  CHECK(find("%A, %d %B %Y %H:%M:%S %z", "Friday, 31 july 2026 21:59:59 +02:00") ==
        "Friday, 31 july 2026 21:59:59 +02:00 -> 2026-07-31T19:59:59Z");
  CHECK(find("<%m/%d/%Exy@%H:%M:%S>", "<07/31/26@05:03:30>") ==
        "<07/31/26@05:03:30> -> 2026-07-31T05:03:30Z");
  CHECK(find("at %I %p", "at 5 pm") == "at 5 pm -> 2026-07-31T17:00:00Z");
  CHECK(find("%H:%M:%S %z", "21:59:59 -0730") == "21:59:59 -0730 -> 2026-07-31T05:29:59Z");
}

TEST_CASE("seconds since 1970 within a pattern") {
  CHECK(find(R"("ts":{EPOCH})", R"({"ts":1785500000.123})") ==
        R"("ts":1785500000.123 -> 2026-07-31T12:13:20.123000Z)");
  CHECK(find(R"("ts":({EPOCH}))", R"({"ts":1785500000.123})") ==
        "1785500000.123 -> 2026-07-31T12:13:20.123000Z");
  CHECK(find(R"("ts":{LEPOCH})", R"({"ts":1785500000123456,)") ==
        R"("ts":1785500000123456 -> 2026-07-31T12:13:20.123456Z)");
  CHECK(find(R"("ts":{LEPOCH})", R"({"ts":1785500000123,)") ==
        R"("ts":1785500000123 -> 2026-07-31T12:13:20.123000Z)");
  CHECK(find("EPOCH", "1785500000 x") == "1785500000 -> 2026-07-31T12:13:20Z");
  CHECK(find("^epoch", "audit(1785500000:4)") == "no date");
}

TEST_CASE("the first group of one's own is what is cut") {
  CHECK(find("date=(%Y-%m-%d) time=%H:%M:%S", "date=2026-07-31 time=10:11:12") ==
        "2026-07-31 -> 2026-07-31T10:11:12Z");
}

TEST_CASE("boundaries and places") {
  CHECK(find("{UNB}%Y%m%d", "abc20260731 x") == "2026073 -> 2026-07-03T00:00:00Z");
  CHECK(find("**%Y%m%d", "abc20260731 x") == "20260731 -> 2026-07-31T00:00:00Z");
  CHECK(find("%Y%m%d", "abc20260731 x") == "no date");
  CHECK(find("^%Y%m%d", "20260731x") == "no date");
  CHECK(find("%Y%m%d**", "20260731x") == "2026073 -> 2026-07-03T00:00:00Z");
  CHECK(find("{^LN-BEG}%H:%M:%S", "[21:59:59] x") == "21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("{^LN-BEG}%H:%M:%S", "x 21:59:59") == "no date");
  CHECK(find("{^LN-BEG}", "x 2026-07-31 21:59:59") == "no date");
  CHECK(find("{DEFAULT}", "x 2026-07-31 21:59:59") ==
        "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("{NONE}", "2026-07-31 21:59:59") == "no date");
}

TEST_CASE("of several patterns an anchored one wins, else the earliest date") {
  const char* both = "%d.%m.%Y\n^%H:%M:%S";
  CHECK(find(both, "10:11:12 31.07.2026") == "10:11:12 -> 2026-07-31T10:11:12Z");
  const char* floating = "%d\\.%m\\.%Y\n%H:%M:%S";
  CHECK(find(floating, "x 31.07.2026 10:11:12") == "31.07.2026 -> 2026-07-31T00:00:00Z");
}

TEST_CASE("patterns that are refused") {
  CHECK(find("%Q", "") ==
        "filters/x.conf:3: datepattern '%Q': '%Q' is no token of a date that is supported");
  CHECK(find("%H:%M\n%Ex", "") ==
        "filters/x.conf:4: datepattern '%Ex': '%Ex' is no token of a date that is supported");
  CHECK(find("x{DATE}%", "") ==
        "filters/x.conf:3: datepattern 'x{DATE}%': {DATE} is not supported; write the date's form "
        "out");
  CHECK(find("%Y %Y", "") ==
        "filters/x.conf:3: datepattern '%Y %Y': '%Y' says again what another token says");
  CHECK(find("%m/%Y", "") ==
        "filters/x.conf:3: datepattern '%m/%Y': it needs month and day together, or neither of "
        "them and no year");
  CHECK(find("hello", "") ==
        "filters/x.conf:3: datepattern 'hello': it has no token of a date, such as %Y or {EPOCH} "
        "(in a file, % is written %%)");
  CHECK(find("%H(", "") ==
        "filters/x.conf:3: datepattern '%H(': missing ): \\b(?P<_6>[0-1]?\\d|2[0-3])(");
  CHECK(find("(?=%H)", "") ==
        "filters/x.conf:3: datepattern '(?=%H)': column 1: '(?=' (look-ahead) is not supported, "
        "because it cannot be matched in linear time; match what follows instead of looking at it");
}
