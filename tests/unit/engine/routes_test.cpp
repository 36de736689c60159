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
