#include "ship/selection.h"

#include "model/witness.h"

#include <algorithm>

namespace warder::ship {
namespace {

using model::EventKind;

bool is_alert(const model::Event& event) {
  switch (event.kind) {
    case EventKind::kBan:
    case EventKind::kWouldBan:
    case EventKind::kAlert:
      return true;
    case EventKind::kSecurity:
      return event.severity > model::Severity::kInfo;  // what is only noted alarms nobody
    case EventKind::kFinding:
    case EventKind::kUnban:
    case EventKind::kRestore:
    case EventKind::kExtend:
    case EventKind::kIncident:  // goes to whom it is due; see engine/routes.h
      return false;
    case EventKind::kSource:
    case EventKind::kConfig:
    case EventKind::kFirewall:
    case EventKind::kStore:
    case EventKind::kDestination:
    case EventKind::kVault:
    case EventKind::kAgent:
    case EventKind::kBackup:
      return event.severity >= model::Severity::kWarning;
    // Runs are information; what changed for the worse is more, and that it is good again a notice.
    case EventKind::kIntegrity:
    case EventKind::kMonitor:
      return event.severity >= model::Severity::kNotice;
  }
  return true;
}

}  // namespace

bool Selection::wants(const model::Event& event) const {
  // A test alert is asked for by an operator who wants to see it arrive.
  if (event.kind == EventKind::kAlert && event.jail.empty()) {
    return true;
  }
  if (witness && model::is_witness(event)) {
    return true;
  }
  if (event.severity < least) {
    return false;
  }
  if (!event.jail.empty() && !jails.empty() &&
      std::find(jails.begin(), jails.end(), event.jail) == jails.end()) {
    return false;
  }
  if (std::find(kinds.begin(), kinds.end(), event.kind) != kinds.end()) {
    return true;
  }
  switch (mode) {
    case Kinds::kAlerts:
      return is_alert(event);
    case Kinds::kAll:
      return event.kind != EventKind::kRestore;
    case Kinds::kListed:
      return false;
  }
  return false;
}

}  // namespace warder::ship
