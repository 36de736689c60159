#include "source/rolled_name.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder::source;

namespace {

std::string describe(std::string_view log, std::string_view name) {
  const std::optional<RolledName> rolled = parse_rolled(log, name);
  if (!rolled) {
    return "no";
  }
  static const char* const kCompressions[] = {"", " gzip", " other"};
  return rolled->suffix + kCompressions[static_cast<int>(rolled->compression)];
}

Age age(std::string_view a, std::string_view b) {
  return compare_age(*parse_rolled("x.log", a), *parse_rolled("x.log", b));
}

}  // namespace

TEST_CASE("rolled names are told from other logs", "[source]") {
  REQUIRE(describe("x.log", "x.log.1") == ".1");
  REQUIRE(describe("x.log", "x.log.12.gz") == ".12 gzip");
  REQUIRE(describe("x.log", "x.log-20260101") == "-20260101");
  REQUIRE(describe("x.log", "x.log-20260101-1767225600.gz") == "-20260101-1767225600 gzip");
  REQUIRE(describe("x.log", "x-20260101.log") == "-20260101");
  REQUIRE(describe("x.log", "x.1.log") == ".1");
  REQUIRE(describe("x.log", "x.log.1.xz") == ".1 other");
  REQUIRE(describe("access.log", "access-2026-11-02T12-00-00.000.log.gz") ==
          "-2026-11-02T12-00-00.000 gzip");
  REQUIRE(describe("syslog", "syslog.1") == ".1");
  for (const char* const other : {"x.log", "x.log.old", "x.log.gz", "x.log~", "x.log.1a", "x-2.log",
                                  "xy.log.1", "x.logs.1", "", ".", "x", "x.log.", "x.log.tmp"}) {
    REQUIRE(describe("x.log", other) == "no");
  }
}

TEST_CASE("rolled names tell their age where they can", "[source]") {
  REQUIRE(age("x.log.1", "x.log.2.gz") == Age::kNewer);
  REQUIRE(age("x.log.10", "x.log.9") == Age::kOlder);
  REQUIRE(age("x.log.1", "x.log.1.gz") == Age::kSame);
  REQUIRE(age("x.log-20260102", "x.log-20260101") == Age::kNewer);
  REQUIRE(age("x.log-20260102", "x.log.1") == Age::kUnknown);
  REQUIRE(age("x.log-20260102", "x.log-2026-01-03") == Age::kUnknown);
}
