#include "ship/selection.h"

#include "model/witness.h"

#include <catch2/catch.hpp>

using namespace warder;
using model::Event;
using model::EventKind;
using model::Severity;
using ship::Selection;

namespace {

Event event(EventKind kind, Severity severity = Severity::kInfo, std::string jail = {}) {
  Event made;
  made.kind = kind;
  made.severity = severity;
  made.jail = std::move(jail);
  return made;
}

// The names of the kinds that are wanted at this severity.
std::string wanted(const Selection& selection, Severity severity) {
  std::string names;
  for (int kind = 1; kind <= 17; ++kind) {
    const Event made = event(static_cast<EventKind>(kind), severity);
    if (selection.wants(made)) {
      names += std::string(model::to_string(made.kind)) + " ";
    }
  }
  return names;
}

}  // namespace

TEST_CASE("alerts are bans and problems") {
  const Selection alerts;
  CHECK(wanted(alerts, Severity::kInfo) == "ban would-ban alert ");
  CHECK(wanted(alerts, Severity::kWarning) ==
        "ban would-ban source config firewall store destination vault agent integrity backup "
        "security alert ");
}

TEST_CASE("restored bans are silent unless asked for by name") {
  Selection all;
  all.mode = Selection::Kinds::kAll;
  CHECK_FALSE(all.wants(event(EventKind::kRestore)));
  CHECK(all.wants(event(EventKind::kFinding)));
  all.kinds = {EventKind::kRestore};
  CHECK(all.wants(event(EventKind::kRestore)));
}

TEST_CASE("listed kinds alone, or besides the alerts") {
  Selection listed;
  listed.mode = Selection::Kinds::kListed;
  listed.kinds = {EventKind::kFinding, EventKind::kUnban};
  // A test alert always arrives.
  CHECK(wanted(listed, Severity::kCritical) == "finding unban alert ");
  listed.mode = Selection::Kinds::kAlerts;
  CHECK(wanted(listed, Severity::kInfo) == "finding ban unban would-ban alert ");
}

TEST_CASE("severity and jail narrow it down") {
  Selection selection;
  selection.least = Severity::kHigh;
  CHECK_FALSE(selection.wants(event(EventKind::kBan, Severity::kWarning)));
  CHECK(selection.wants(event(EventKind::kBan, Severity::kHigh)));
  CHECK(selection.wants(event(EventKind::kAlert)));
  selection.least = Severity::kInfo;
  selection.jails = {"sshd"};
  CHECK(selection.wants(event(EventKind::kBan, Severity::kInfo, "sshd")));
  CHECK_FALSE(selection.wants(event(EventKind::kBan, Severity::kInfo, "caddy")));
  CHECK(selection.wants(event(EventKind::kFirewall, Severity::kHigh)));
}

TEST_CASE("a witness goes to who keeps it, whatever else is wanted") {
  model::Event checkpoint;
  checkpoint.kind = model::EventKind::kStore;
  checkpoint.detail = model::witness_detail({"warder/web-1", 9, "00", "note"});
  ship::Selection selection;
  selection.least = model::Severity::kCritical;
  CHECK_FALSE(selection.wants(checkpoint));
  selection.witness = true;
  CHECK(selection.wants(checkpoint));
  checkpoint.detail = R"({"other":1})";
  CHECK_FALSE(selection.wants(checkpoint));
}
