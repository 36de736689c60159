#include "model/event.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace warder::model {
namespace {

constexpr std::array<std::pair<EventKind, std::string_view>, 19> kKinds{{
    {EventKind::kFinding, "finding"},
    {EventKind::kBan, "ban"},
    {EventKind::kUnban, "unban"},
    {EventKind::kRestore, "restore"},
    {EventKind::kExtend, "extend"},
    {EventKind::kWouldBan, "would-ban"},
    {EventKind::kSource, "source"},
    {EventKind::kConfig, "config"},
    {EventKind::kFirewall, "firewall"},
    {EventKind::kStore, "store"},
    {EventKind::kDestination, "destination"},
    {EventKind::kVault, "vault"},
    {EventKind::kAgent, "agent"},
    {EventKind::kIntegrity, "integrity"},
    {EventKind::kBackup, "backup"},
    {EventKind::kSecurity, "security"},
    {EventKind::kAlert, "alert"},
    {EventKind::kMonitor, "monitor"},
    {EventKind::kIncident, "incident"},
}};

}  // namespace

std::string_view to_string(Severity severity) {
  return kSeverityNames[static_cast<std::size_t>(severity)];
}

std::string_view to_string(EventKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) {
      return name;
    }
  }
  return "unknown";
}

std::optional<Severity> parse_severity(std::string_view name) {
  for (std::size_t i = 0; i < kSeverityNames.size(); ++i) {
    if (kSeverityNames[i] == name) {
      return static_cast<Severity>(i);
    }
  }
  return std::nullopt;
}

std::optional<EventKind> parse_event_kind(std::string_view name) {
  for (const auto& [kind, known] : kKinds) {
    if (known == name) {
      return kind;
    }
  }
  return std::nullopt;
}

std::string detail_text(const Event& event) {
  if (!event.line) {
    return event.detail;
  }
  const LineFacts& line = *event.line;
  nlohmann::json detail{{"log", line.log}, {"at", line.at}};
  if (line.pattern != 0) {
    detail["pattern"] = line.pattern;
  }
  if (line.attempts != 1) {
    detail["attempts"] = line.attempts;
  }
  if (!line.user.empty()) {
    detail["user"] = line.user;
  }
  return detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace warder::model
