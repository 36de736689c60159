#include "date_support.h"

#include <catch2/catch.hpp>

using namespace warder::filter;

namespace {

std::string find(std::string_view line) { return date_of("", line); }
std::string find_at_begin(std::string_view line) { return date_of("{^LN-BEG}", line); }

}  // namespace

TEST_CASE("ISO 8601 and its relatives") {
  CHECK(find("2026-07-31T21:59:59.981+0200 x") ==
        "2026-07-31T21:59:59.981+0200 -> 2026-07-31T19:59:59.981000Z");
  CHECK(find("2026-07-31 21:59:59,123 x") ==
        "2026-07-31 21:59:59,123 -> 2026-07-31T21:59:59.123000Z");
  CHECK(find("2026-07-31T21:59:59.1234567Z x") == "2026-07-31T21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("[2026-07-31 21:59:59] x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026-07-31 21:59:59 +02:00 x") ==
        "2026-07-31 21:59:59 +02:00 -> 2026-07-31T19:59:59Z");
  CHECK(find("2026-07-31 21:59:59 UTC x") == "2026-07-31 21:59:59 UTC -> 2026-07-31T21:59:59Z");
  CHECK(find("2026.07.31 21:59:59 x") == "2026.07.31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026/7/31 1:9:9 x") == "2026/7/31 1:9:9 -> 2026-07-31T01:09:09Z");
  CHECK(find("2026-07-31  21:59:59") == "2026-07-31  21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026-02-30 10:00:00 x") == "2026-02-30 10:00:00 -> none");
}

TEST_CASE("what follows a date is left alone") {
  CHECK(find("2026-07-31 21:59:59 -05x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026-07-31 21:59:59 Zed") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026-07-31 21:59:59.123x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("2026-07-31 21:59:59. x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("Jul 31 21:59:59 2031x") == "Jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
}

TEST_CASE("syslog") {
  CHECK(find("Jul 31 21:59:59 h") == "Jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("Aug  1 12:00:00 h") == "Aug  1 12:00:00 -> 2026-08-01T12:00:00Z");
  CHECK(find("jul 31 21:59:59 h") == "jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("Sun Jan 23 21:59:59.011 2005") ==
        "Sun Jan 23 21:59:59.011 2005 -> 2005-01-23T21:59:59.011000Z");
  CHECK(find("Jul 31 2026 21:59:59 h") == "Jul 31 2026 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("Fri Jul 31 21:59:59 h") == "Fri Jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("<38>Jul 31 21:59:59 h") == "Jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
}

TEST_CASE("web servers") {
  CHECK(find(R"(192.0.2.1 - - [31/Jul/2026:09:22:55 -0700] "GET")") ==
        "31/Jul/2026:09:22:55 -0700 -> 2026-07-31T16:22:55Z");
  CHECK(find("31-Jul-2026 09:22:55.123 x") ==
        "31-Jul-2026 09:22:55.123 -> 2026-07-31T09:22:55.123000Z");
}

TEST_CASE("seconds since 1970") {
  CHECK(find("1785500000.123 x") == "1785500000.123 -> 2026-07-31T12:13:20.123000Z");
  CHECK(find("[1785500000] x") == "1785500000 -> 2026-07-31T12:13:20Z");
  CHECK(find("type=X msg=audit(1785500000.123:4): x") ==
        "1785500000.123 -> 2026-07-31T12:13:20.123000Z");
  CHECK(find("[1785500000 x") == "1785500000 -> 2026-07-31T12:13:20Z");
  CHECK(find("x audit(1785500000.123) x") == "1785500000.123 -> 2026-07-31T12:13:20.123000Z");
  CHECK(find("x 1785500000 x") == "no date");
  CHECK(find("17855000000000 x") == "no date");
  CHECK(find(R"({"ts":1785500000.123})") == "no date");
}

TEST_CASE("what is no date") {
  for (const char* line : {"",
                           "x",
                           "3026-07-31 21:59:59",
                           "1999-07-31 21:59:59",
                           "2026-13-01 10:00:00",
                           "2026-07-32 10:00:00",
                           "2026-07-31 24:00:00",
                           "2026-07-31 10:60:00",
                           "2026-07-31 10:00:62",
                           "2026-07/31 10:00:00",
                           "x2026-07-31 10:00:00",
                           "2026-07-31 10:00:00x",
                           "Foo 31 10:00:00",
                           "Jul 31 10:00",
                           "Jul 0 10:00:00",
                           "31/Jul/2026",
                           "2026-07-31T",
                           "Jul",
                           "2",
                           "2026-07-31 10:00:"}) {
    INFO(line);
    CHECK(find(line) == "no date");
  }
}

TEST_CASE("the date that begins first counts") {
  CHECK(find("x Jul 31 21:59:59 y 2026-07-31 20:00:00 z") ==
        "Jul 31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find("x 2026-07-31 20:00:00 y Jul 31 21:59:59 z") ==
        "2026-07-31 20:00:00 -> 2026-07-31T20:00:00Z");
}

TEST_CASE("at the begin of a line, behind at most two other characters") {
  CHECK(find_at_begin("[2026-07-31 21:59:59] x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find_at_begin("[[2026-07-31 21:59:59] x") == "2026-07-31 21:59:59 -> 2026-07-31T21:59:59Z");
  CHECK(find_at_begin("[[[2026-07-31 21:59:59] x") == "no date");
  CHECK(find_at_begin("x 2026-07-31 21:59:59") == "no date");
  CHECK(find_at_begin("x audit(1785500000.123:4): x") == "no date");
}

TEST_CASE("a template is known to be anchored before its pattern is compiled") {
  std::size_t anchored = 0;
  for (const auto& each : default_templates()) {
    INFO(each->name());
    const bool said = each->is_anchored_at_begin();
    anchored += said ? 1 : 0;
    if (each->pattern() != nullptr) {
      CHECK(said == each->pattern()->is_anchored_at_begin());
      CHECK(each->is_anchored() == (said || each->pattern()->is_anchored_at_end()));
    }
  }
  CHECK(anchored == line_begin_templates().size());
  CHECK(anchored > 10);
}
