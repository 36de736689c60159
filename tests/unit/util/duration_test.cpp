#include "util/duration.h"

#include <catch2/catch.hpp>

using warder::util::format_duration;
using warder::util::parse_duration;
using namespace std::chrono_literals;

TEST_CASE("time expressions of the reference") {
  const auto seconds = [](std::string_view text) {
    const auto parsed = parse_duration(text);
    REQUIRE(parsed);
    return std::chrono::duration<double>(*parsed).count();
  };
  CHECK(seconds("600") == 600);
  CHECK(seconds("10m") == 600);
  CHECK(seconds("1h30") == 3630);
  CHECK(seconds("1h30m") == 5400);
  CHECK(seconds("1d12h") == 129600);
  CHECK(seconds("1d 12h") == 129600);
  CHECK(seconds("1.5h") == 5400);
  CHECK(seconds("1M") == 60);
  CHECK(seconds("1mo") == 2629800);
  CHECK(seconds("1y") == 31557600);
  CHECK(seconds("1year-6mo") == 15778800);
  CHECK(seconds("1d-1h") == 82800);
  CHECK(seconds("1h*2") == 7200);
  CHECK(seconds("60*60") == 3600);
  CHECK(seconds("-1") == -1);
  CHECK(seconds("(1h + 30m) / 2") == 2700);
}

TEST_CASE("what is no time is refused with the place") {
  for (const char* text : {"", "abc", "1ms", "1e3", "1h,2m", "--", "1/0", "(1", "1)", ".", "1..2",
                           "9999999999999y", "__import__"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
  CHECK(parse_duration("10q").error().message() ==
        "'10q' is no time: unknown unit at character 3; write for instance 600, 10m, 1h30m or 1d");
  CHECK_FALSE(parse_duration(std::string(100000, '(')));
  CHECK_FALSE(parse_duration(std::string(100000, '-')));
}

TEST_CASE("a printed duration reads back") {
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(5400s) == "1h30m");
  CHECK(format_duration(1500ms) == "1.5s");
  CHECK(format_duration(48h) == "2d");
  for (const auto duration : {std::chrono::microseconds(1), std::chrono::microseconds(-1500000),
                              std::chrono::microseconds(86400s * 400 + 61s)}) {
    const auto again = parse_duration(format_duration(duration));
    REQUIRE(again);
    CHECK(*again == duration);
  }
}
