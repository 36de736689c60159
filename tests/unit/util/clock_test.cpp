#include "util/clock.h"

#include <catch2/catch.hpp>

using namespace warder::util;

TEST_CASE("times print as RFC 3339") {
  const auto at = [](std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); };
  CHECK(format_rfc3339(at(0)) == "1970-01-01T00:00:00Z");
  CHECK(format_rfc3339(at(1793620800'123456)) == "2026-11-02T12:00:00.123456Z");
  CHECK(format_rfc3339(at(-1)) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("RFC 3339 times are read") {
  const auto read = [](std::string_view text) {
    const auto time = parse_rfc3339(text);
    return time ? format_rfc3339(*time) : std::string("none");
  };
  CHECK(read("2026-11-02T12:00:00Z") == "2026-11-02T12:00:00Z");
  CHECK(read("2026-11-02t12:00:00.123456789z") == "2026-11-02T12:00:00.123456Z");
  CHECK(read("2026-11-02T12:00:00.5+02:00") == "2026-11-02T10:00:00.500000Z");
  CHECK(read("2026-11-02T12:00:00.123-0330") == "2026-11-02T15:30:00.123000Z");
  CHECK(read("2026-11-02 12:00:00Z") == "2026-11-02T12:00:00Z");
  CHECK(read("2028-02-29T00:00:00Z") == "2028-02-29T00:00:00Z");
  CHECK(read("1969-12-31T23:59:60Z") == "1970-01-01T00:00:00Z");
  for (const char* bad :
       {"", "2026-11-02", "2026-11-02T12:00:00", "2026-02-30T12:00:00Z", "2026-13-02T12:00:00Z",
        "2026-11-02T24:00:00Z", "2026-11-02T12:60:00Z", "2026-11-02T12:00:61Z",
        "2026-11-02T12:00:00.Z", "2026-11-02T12:00:00+24:00", "2026-11-02T12:00:00+02:0",
        "2026-11-02T12:00:00Z ", " 2026-11-02T12:00:00Z", "2026/11/02T12:00:00Z",
        "+026-11-02T12:00:00Z"}) {
    INFO(bad);
    CHECK(read(bad) == "none");
  }
}
