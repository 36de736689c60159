#include "filter/json_time.h"

#include <catch2/catch.hpp>

using namespace warder::filter;
using warder::util::format_rfc3339;

TEST_CASE("numbers are seconds, milliseconds, microseconds or nanoseconds by their size") {
  const auto read = [](double number) {
    const auto time = time_from_number(number);
    return time ? format_rfc3339(*time) : std::string("none");
  };
  CHECK(read(1795348744.931613) == "2026-11-22T11:59:04.931613Z");
  CHECK(read(1795348744931.613) == "2026-11-22T11:59:04.931613Z");
  CHECK(read(1795348744931613.0) == "2026-11-22T11:59:04.931613Z");
  CHECK(read(1795348744931613e3) == "2026-11-22T11:59:04.931613Z");
  CHECK(read(0) == "1970-01-01T00:00:00Z");
  CHECK(read(-1) == "none");
  CHECK(read(1e20) == "none");
  CHECK(read(1e308) == "none");
}

TEST_CASE("texts are RFC 3339 or numbers") {
  const auto read = [](std::string_view text) {
    const auto time = time_from_text(text);
    return time ? format_rfc3339(*time) : std::string("none");
  };
  CHECK(read("2026-11-22T13:59:04.931+0200") == "2026-11-22T11:59:04.931000Z");
  CHECK(read("1795348744") == "2026-11-22T11:59:04Z");
  CHECK(read("2026-11-22 12:59:04.931 CET") == "2026-11-22T11:59:04.931000Z");
  CHECK(read("2026-11-22 11:59:04 UTC") == "2026-11-22T11:59:04Z");
  CHECK(read("2026-11-22 16:29:04.5 +0430") == "2026-11-22T11:59:04.500000Z");
  CHECK(read("2026-11-22 11:59:04 Nowhere") == "none");
  CHECK(read("2026-11-22 11:59:04Z UTC") == "none");
  CHECK(read("2026-11-22 11:59:04Z") == "2026-11-22T11:59:04Z");
  CHECK(read("nan") == "none");
  CHECK(read("inf") == "none");
  CHECK(read("") == "none");
  CHECK(read("2026/11/22 11:59:04") == "none");
}
