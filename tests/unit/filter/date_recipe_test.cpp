#include "date_support.h"

#include <catch2/catch.hpp>

using namespace warder::filter;

namespace {

std::string find(const char* pattern, std::string_view line) { return date_of(pattern, line); }

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

TEST_CASE("day of the year, weeks, ISO weeks") {
  CHECK(find("%Y/%j %H:%M", "2026/212 10:11") == "2026/212 10:11 -> 2026-07-31T10:11:00Z");
  CHECK(find("%Y week %U %a", "2026 week 30 fri") == "2026 week 30 fri -> 2026-07-31T00:00:00Z");
  CHECK(find("%Y week %W %w", "2026 week 30 5") == "2026 week 30 5 -> 2026-07-31T00:00:00Z");
  CHECK(find("%G-W%V-%u", "2026-W31-5") == "2026-W31-5 -> 2026-07-31T00:00:00Z");
}

TEST_CASE("zones in the text") {
  CHECK(find("%H:%M %Z", "10:00 CET") == "10:00 CET -> 2026-07-31T09:00:00Z");
  CHECK(find("%H:%M %Exz", "10:00 CET+0100") == "10:00 CET+0100 -> 2026-07-31T08:00:00Z");
  CHECK(find("%H:%M %ExZ", "10:00 Z") == "10:00 Z -> 2026-07-31T10:00:00Z");
  CHECK(find("%H:%M %Z", "10:00 BST") == "10:00 BST -> none");
  // Small letters are found where the pattern has names, and mean nothing.
  CHECK(find("%d %b %H:%M %z", "31 Jul 10:00 utc") == "31 Jul 10:00 utc -> none");
}

TEST_CASE("the forms of the C locale") {
  CHECK(find("%c", "Fri Jul 31 10:11:12 2026") ==
        "Fri Jul 31 10:11:12 2026 -> 2026-07-31T10:11:12Z");
  CHECK(find("%x %X", "07/31/26 10:11:12") == "07/31/26 10:11:12 -> 2026-07-31T10:11:12Z");
}

TEST_CASE("hours of twelve") {
  CHECK(find("%H:%M %p", "10:11 pm") == "10:11 pm -> 2026-07-31T10:11:00Z");
  CHECK(find("%I:%M", "12:11") == "12:11 -> 2026-07-31T00:11:00Z");
  CHECK(find("at%l %p", "at 5 PM") == "at 5 PM -> 2026-07-31T17:00:00Z");
}

TEST_CASE("letters count in any case where there are names, and only there") {
  CHECK(find("T%Y-%m-%d", "t2026-07-31") == "no date");
  CHECK(find("T%Y-%b-%d", "t2026-JUL-31") == "t2026-JUL-31 -> 2026-07-31T00:00:00Z");
  CHECK(find("(?i)T%Y-%m-%d", "t2026-07-31") == "t2026-07-31 -> 2026-07-31T00:00:00Z");
}

TEST_CASE("a separator that repeats") {
  const char* pattern = "%ExY(?P<_sep>[-/.])%m(?P=_sep)%d %H:%M";
  CHECK(find(pattern, "2026/07/31 10:11") == "2026/07/31 10:11 -> 2026-07-31T10:11:00Z");
  CHECK(find(pattern, "2026/07-31 10:11") == "no date");
  CHECK(find("^(?:=+ )?(%ExY(?P<_sep>[-/])%m(?P=_sep)%d) x", "== 2026-07-31 x") ==
        "2026-07-31 -> 2026-07-31T00:00:00Z");
}

TEST_CASE("{DATE} within a pattern") {
  CHECK(find("^[^\\[]*\\[({DATE})", "a.b:80 x [31/Jul/2026:09:22:55 +0200] y") ==
        "31/Jul/2026:09:22:55 +0200 -> 2026-07-31T07:22:55Z");
  CHECK(find("^<W>{DATE}", "<W>2026-07-31 09:22:55.123 1 => x") ==
        "<W>2026-07-31 09:22:55.123 -> 2026-07-31T09:22:55.123000Z");
  CHECK(find("ts={date}", "ts=1785500000 x") == "ts=1785500000 -> 2026-07-31T12:13:20Z");
}

TEST_CASE("a pattern with an empty group says that a line has no date") {
  CHECK(find("^WARNING:()**", "WARNING:x").starts_with(" -> "));
}

TEST_CASE("several lines, also with the default templates") {
  CHECK(find("day %j of %Y\n{DEFAULT}", "x 2026-07-31 10:11:12") ==
        "2026-07-31 10:11:12 -> 2026-07-31T10:11:12Z");
  CHECK(find("day %j of %Y\n{DEFAULT}", "day 212 of 2026") ==
        "day 212 of 2026 -> 2026-07-31T00:00:00Z");
  CHECK(find("{^LN-BEG}TAI64N\n{^LN-BEG}", "@4000000050f7c7d41c16dc3c x") ==
        "@4000000050f7c7d41c16dc3c -> 2013-01-17T09:43:48Z");
}

TEST_CASE("patterns that are refused") {
  const auto refusal = [](const char* pattern) {
    const std::string text = find(pattern, "");
    return text.substr(text.find("': ") + 3);
  };
  CHECK(find("%H:%M\n%Ex", "") ==
        "filters/x.conf:4: datepattern '%Ex': '%Ex' is no token of a date");
  CHECK(refusal("%Q") == "'%Q' is no token of a date");
  CHECK(refusal("x{DATE}%") == "'%' is no token of a date");
  CHECK(refusal("%Y %Y") == "'%Y' says again what another token says");
  CHECK(refusal("%H %k") == "'%k' says again what another token says");
  CHECK(refusal("%m/%Y") == "it names a month without a day; name both or neither");
  CHECK(refusal("%d %H") == "it names a day without a month; name both or neither");
  CHECK(refusal("{^LN-BEG}**") == "it says where the date stands, but not how");
  CHECK(refusal("hello") ==
        "it has no token of a date, such as %Y or {EPOCH} (in a file, % is "
        "written %%)");
  CHECK(refusal("%Y(?P<s>\\W+)%j(?P=s)") ==
        "column 15: '(?P=' (back-reference) is not supported, because it cannot be matched in "
        "linear time; write one expression for each value the group can have");
  CHECK(refusal("%Y(?P<s>[a-z])%j(?P=s)") ==
        "'(?P=s)' refers to a group that is more than one of a few characters; write one "
        "datepattern for each value");
  CHECK(refusal("%H(").starts_with("missing ): "));
  CHECK(refusal("(?=%H)") ==
        "column 1: '(?=' (look-ahead) is not supported, because it cannot be matched in linear "
        "time; match what follows instead of looking at it");
}
