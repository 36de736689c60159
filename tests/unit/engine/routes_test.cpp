#include "engine/routes.h"

#include "ship/report.h"

#include <catch2/catch.hpp>

using namespace warder;
using engine::Route;
using engine::Routes;
using model::EventKind;
using model::Severity;
using store::DestinationId;

namespace {

model::Event event_of(EventKind kind, Severity severity, std::string jail = {}) {
  model::Event event;
  event.kind = kind;
  event.severity = severity;
  event.jail = std::move(jail);
  return event;
}

constexpr DestinationId kChat{1};
constexpr DestinationId kArchive{2};

// "chat" wants alerts, "archive" all.
std::vector<Route> both() {
  ship::Selection all;
  all.mode = ship::Selection::Kinds::kAll;
  return {{"chat", kChat, {}}, {"archive", kArchive, all}};
}

using Ids = std::vector<DestinationId>;

}  // namespace

TEST_CASE("without destinations nothing is sent") {
  CHECK(Routes().of(event_of(EventKind::kBan, Severity::kWarning, "sshd")).empty());
}

TEST_CASE("an event goes where its kind is wanted") {
  Routes routes;
  routes.replace(both(), {});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "sshd")) == Ids{kChat, kArchive});
  CHECK(routes.of(event_of(EventKind::kFinding, Severity::kInfo, "sshd")) == Ids{kArchive});
  CHECK(routes.of(event_of(EventKind::kRestore, Severity::kInfo)).empty());
}

TEST_CASE("a jail that names destinations tells only those") {
  Routes routes;
  routes.replace(both(), {{"sshd", {"archive"}}, {"caddy", {}}, {"lost", {"gone"}}});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "sshd")) == Ids{kArchive});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "caddy")) == Ids{kChat, kArchive});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "other")) == Ids{kChat, kArchive});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "lost")).empty());
  CHECK(routes.of(event_of(EventKind::kFirewall, Severity::kCritical)) == Ids{kChat, kArchive});
}

TEST_CASE("a destination is never told about itself") {
  Routes routes;
  routes.replace(both(), {});
  const ship::Report report{ship::Report::Kind::kGaveUp, "chat", 3, "HTTP 410"};
  CHECK(routes.of(ship::report_event(report, {})) == Ids{kArchive});
}

TEST_CASE("new routes replace the old ones as a whole") {
  Routes routes;
  routes.replace({{"chat", kChat, {}}}, {{"sshd", {"other"}}});
  routes.replace({both()[1]}, {});
  CHECK(routes.of(event_of(EventKind::kBan, Severity::kWarning, "sshd")) == Ids{kArchive});
}

namespace {

using namespace std::chrono_literals;

model::Event at_night(Severity severity) {
  model::Event event = event_of(EventKind::kMonitor, severity, "vaultwarden");
  event.time = util::parse_rfc3339("2026-11-02T23:00:00Z").value();
  event.message = "disk: full";
  return event;
}

constexpr DestinationId kPager{3};

// "chat" sleeps from 22:00 to 07:00 UTC; "pager" is told of what is high and not acknowledged.
std::vector<Route> with_pager() {
  std::vector<Route> routes = both();
  routes[0].quiet = {.hours = ship::QuietHours::parse("22:00-07:00").value(),
                     .clocks = [](util::WallTime) { return 0s; }};
  Route pager{"pager", kPager, {}, 15min, 3};
  pager.selection.least = Severity::kHigh;
  routes.push_back(pager);
  return routes;
}

}  // namespace

TEST_CASE("the second line is told only of what nobody acknowledges") {
  Routes routes;
  routes.replace(with_pager(), {{"sshd", {"chat"}}});
  const model::Event high = at_night(Severity::kHigh);
  CHECK(routes.of(high) == Ids{kChat, kArchive});
  CHECK(routes.of(event_of(EventKind::kAlert, Severity::kCritical)) ==
        Ids{kChat, kArchive, kPager});  // a test
  const auto entry = routes.incident(high, {kArchive});
  REQUIRE(entry);
  CHECK(entry->name == "monitor|vaultwarden|disk");
  CHECK_FALSE(entry->tells_end);
  REQUIRE(entry->escalate.size() == 1);
  CHECK(entry->escalate[0].destination == kPager);
  CHECK(entry->escalate[0].after == 15min);
  CHECK(entry->escalate[0].times == 3);
  // What its selection leaves out, and what the jail tells others alone.
  CHECK(routes.incident(at_night(Severity::kWarning), {})->escalate.empty());
  CHECK(
      routes.incident(event_of(EventKind::kAlert, Severity::kHigh, "sshd"), {})->escalate.empty());
}

TEST_CASE("nobody is waited for while all who are told sleep") {
  Routes routes;
  routes.replace(with_pager(), {});
  const model::Event high = at_night(Severity::kHigh);
  CHECK(routes.incident(high, {kChat})->clock == high.time + 8h);
  CHECK(routes.incident(high, {kChat, kArchive})->clock == high.time);
  CHECK(routes.incident(high, {})->clock == high.time);
  CHECK(routes.incident(at_night(Severity::kCritical), {kChat})->clock == high.time);
}

TEST_CASE("what is an incident") {
  Routes routes;
  routes.replace(with_pager(), {});
  CHECK_FALSE(routes.incident(event_of(EventKind::kBan, Severity::kWarning, "sshd"), {}));
  CHECK_FALSE(routes.incident(event_of(EventKind::kAlert, Severity::kCritical), {}));
  CHECK_FALSE(routes.incident(event_of(model::EventKind::kIncident, Severity::kHigh), {}));
  CHECK_FALSE(routes.incident(at_night(Severity::kNotice), {}));
  model::Event over = at_night(Severity::kNotice);
  over.detail = R"({"incident":"monitor/v/disk","state":"good"})";
  const auto end = routes.incident(over, {});
  REQUIRE(end);
  CHECK(end->is_over);
  CHECK(end->name == "monitor/v/disk");
  over.detail = R"({"incident":"monitor/v/disk","state":"unknown"})";
  CHECK_FALSE(routes.incident(over, {}));
  over.severity = Severity::kWarning;
  CHECK(routes.incident(over, {})->tells_end);
}
