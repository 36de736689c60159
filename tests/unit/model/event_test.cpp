#include "model/event.h"

#include <catch2/catch.hpp>

using namespace warder::model;

TEST_CASE("kinds and severities read back from their names") {
  for (int i = 1; i <= 17; ++i) {
    const auto kind = static_cast<EventKind>(i);
    CHECK(parse_event_kind(to_string(kind)) == kind);
  }
  for (int i = 0; i <= 4; ++i) {
    const auto severity = static_cast<Severity>(i);
    CHECK(parse_severity(to_string(severity)) == severity);
  }
  CHECK_FALSE(parse_event_kind("nothing"));
  CHECK_FALSE(parse_severity(""));
}
