#include "ship/incident.h"

#include "model/event_json.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace warder;
using model::EventKind;
using model::Severity;

namespace {

model::Event event_of(EventKind kind, std::string message, std::string detail = {}) {
  model::Event event;
  event.kind = kind;
  event.severity = Severity::kHigh;
  event.jail = "sshd";
  event.message = std::move(message);
  event.detail = std::move(detail);
  return event;
}

std::string name_of(const model::Event& event) {
  return ship::incident_part(event, model::parse_detail(event.detail)).name;
}

}  // namespace

TEST_CASE("an incident is named by the event, its key, its address, or what happened") {
  CHECK(name_of(event_of(EventKind::kMonitor, "x", R"({"incident":"monitor/v/disk"})")) ==
        "monitor/v/disk");
  model::Event alert = event_of(EventKind::kAlert, "x", R"({"key":"role web-1"})");
  CHECK(name_of(alert) == "sshd|role web-1");
  alert.detail.clear();
  alert.address = net::Prefix::parse("203.0.113.9").value();
  CHECK(name_of(alert) == "sshd|203.0.113.9");
  // The words before what differs from time to time, or comes from outside.
  CHECK(name_of(event_of(EventKind::kSource, "the log is gone: /var/log/auth.log")) ==
        "source|sshd|the log is gone");
  CHECK(name_of(event_of(EventKind::kSource, "the log's date '<script>' is off")) ==
        "source|sshd|the log");
  CHECK(name_of(event_of(EventKind::kStore, "3 events were lost")) == "store|sshd|");
  CHECK(name_of(event_of(EventKind::kSource, std::string(500, 'a'))) ==
        "source|sshd|" + std::string(60, 'a'));
}

TEST_CASE("hostile text in a detail names an incident as plain text, or none") {
  CHECK(name_of(event_of(EventKind::kMonitor, "disk: full",
                         R"({"incident":"\u202ea\u001b[31m\r\nb <x>"})"))
            .find_first_of("\x1b\r\n") == std::string::npos);
  CHECK(name_of(event_of(EventKind::kMonitor, "disk: full", R"({"incident":["a"],"state":7})")) ==
        "monitor|sshd|disk");
  CHECK(name_of(event_of(EventKind::kMonitor, "disk: full", "[1")) == "monitor|sshd|disk");
  CHECK(name_of(event_of(EventKind::kMonitor, "x",
                         fmt::format(R"({{"incident":"{}"}})", std::string(5000, 'x'))))
            .size() <= 200);
}

TEST_CASE("what is new is an incident, or the first ban of a jail") {
  CHECK(ship::novelty_of(event_of(EventKind::kBan, "x")) == "ban|sshd");
  CHECK(ship::novelty_of(event_of(EventKind::kFinding, "x")).empty());
  CHECK(ship::novelty_of(event_of(EventKind::kAlert, "x", R"({"key":"role web-1"})")) ==
        "sshd|role web-1");
  model::Event run = event_of(EventKind::kIntegrity, "ok");
  run.severity = Severity::kInfo;
  CHECK(ship::novelty_of(run).empty());
}
