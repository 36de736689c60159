// How findings and alerts of jails that alert are written down, and read back at start.
#include "engine/history.h"
#include "engine/seen_events.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder;
using namespace warder::engine;

namespace {

struct Told {
  model::Finding finding;
  jail::Decision decision;
  jail::JailOptions options;
  model::GenerationId generation{};
  LineOrigin origin{"/var/log/openbao/audit.log", generation, 4711};

  Told() {
    finding.without_address = true;
    finding.summary = "read secret/data/web/db";
    finding.user = "approle";
    finding.once = "b0ee33a9";
    finding.pattern = 1;
    decision.key = "role web-1";
    decision.value = "secret/data/web/db";
    decision.count = 3;
    decision.limit = 3;
    decision.time = util::WallTime(std::chrono::seconds(1793620800));
    options.name = "vault-mass-read";
    options.distinct = "path";
    options.severity = model::Severity::kCritical;
  }
};

}  // namespace

TEST_CASE("what was counted can be read back") {
  Told told;
  const model::Event finding = finding_event("j", told.finding, told.decision, told.origin);
  CHECK_FALSE(finding.address);
  CHECK_FALSE(finding.line);
  CHECK(
      finding.detail ==
      R"({"at":4711,"key":"role web-1","log":"/var/log/openbao/audit.log","pattern":1,"user":"approle","value":"secret/data/web/db"})");
  const auto counted = counted_key(finding);
  REQUIRE(counted);
  CHECK(counted->key == "role web-1");
  CHECK(counted->value == "secret/data/web/db");
  CHECK(counted->attempts == 1);

  const model::Event alert = alert_event(told.options, told.finding, told.decision, told.origin);
  CHECK(alert.kind == model::EventKind::kAlert);
  CHECK(alert.severity == model::Severity::kCritical);
  CHECK(alert.message == "role web-1: 3 different paths in 10m: read secret/data/web/db");
  REQUIRE(counted_key(alert));
  CHECK(counted_key(alert)->key == "role web-1");
}

TEST_CASE("events of other jails hold no key") {
  model::Event event;
  for (const char* detail : {"", "[]", R"({"at":1})", R"({"key":7})", "{"}) {
    event.detail = detail;
    CHECK_FALSE(counted_key(event));
  }
}

TEST_CASE("lines that tell of one thing give one event, in each jail") {
  Told told;
  const LineOrigin elsewhere{"/var/log/copy.log", told.generation, 1};
  CHECK(finding_id("a", told.finding, told.origin) == finding_id("a", told.finding, elsewhere));
  CHECK(finding_id("a", told.finding, told.origin) != finding_id("b", told.finding, told.origin));
  told.finding.once.clear();
  CHECK(finding_id("a", told.finding, told.origin) != finding_id("a", told.finding, elsewhere));
}

TEST_CASE("what was seen is remembered for a while, in bounded memory") {
  SeenEvents seen;
  const auto id = [](std::uint32_t number) {
    model::EventId made;
    for (int i = 0; i < 4; ++i) {
      made.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    return made;
  };
  constexpr auto kRemembered = static_cast<std::uint32_t>(SeenEvents::kRemembered);
  for (std::uint32_t i = 0; i < 5 * kRemembered; ++i) {
    REQUIRE_FALSE(seen.add(id(i)));
    REQUIRE(seen.add(id(i)));
    REQUIRE((i < kRemembered || seen.add(id(i - kRemembered + 1))));
  }
  CHECK_FALSE(seen.add(id(0)));
}
