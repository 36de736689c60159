#include "util/clock.h"

#include <catch2/catch.hpp>

using namespace warder::util;

TEST_CASE("times print as RFC 3339") {
  const auto at = [](std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); };
  CHECK(format_rfc3339(at(0)) == "1970-01-01T00:00:00Z");
  CHECK(format_rfc3339(at(1793620800'123456)) == "2026-11-02T12:00:00.123456Z");
  CHECK(format_rfc3339(at(-1)) == "1969-12-31T23:59:59.999999Z");
}
