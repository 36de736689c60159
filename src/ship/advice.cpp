#include "ship/advice.h"

#include "model/event_json.h"
#include "ship/incident.h"
#include "ship/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::ship {
namespace {

using model::EventKind;

constexpr std::size_t kLongestPart = 900;
constexpr std::size_t kMostSteps = 4;

std::vector<std::string> usual_steps(const model::Event& event) {
  switch (event.kind) {
    case EventKind::kFinding:
    case EventKind::kBan:
    case EventKind::kUnban:
    case EventKind::kRestore:
    case EventKind::kExtend:
    case EventKind::kWouldBan:
      if (event.address) {
        const std::string address = event.address->to_string();
        return {fmt::format("warder explain {}", address),
                fmt::format("warder unban {}      # if it is one of yours", address)};
      }
      return {fmt::format("warder events --jail {}", event.jail)};
    case EventKind::kConfig:
      return {"warder check", "warder events --kind config"};
    case EventKind::kSource:
      return {"warder status", "warder events --kind source"};
    case EventKind::kFirewall:
      return {"warder status", "systemctl status warder-firewall", "warder events --kind firewall"};
    case EventKind::kStore:
      return {"warder verify",
              fmt::format("warder events --kind {}", model::to_string(event.kind))};
    case EventKind::kDestination:
      return {"warder status", "warder alerts test", "warder events --kind destination"};
    case EventKind::kVault:
      return {"warder vault list", "warder events --kind vault"};
    case EventKind::kAgent:
      return {"warder status", "journalctl -u warder -n 50"};
    case EventKind::kMonitor:
      return {"warder monitor list", "warder events --kind monitor"};
    case EventKind::kIncident:
      return {"warder alerts list"};
    case EventKind::kBackup:
    case EventKind::kIntegrity:
    case EventKind::kSecurity:
      break;
    case EventKind::kAlert:
      if (!event.jail.empty()) {
        return {fmt::format("warder events --jail {}", event.jail),
                "warder alerts list      # then: warder alerts ack NUMBER"};
      }
      break;
  }
  return {fmt::format("warder events --kind {}", model::to_string(event.kind))};
}

}  // namespace

Advice advice_of(const Message& message) {
  if (message.summary()) {
    Advice advice;
    advice.steps = {fmt::format("warder events --since {}s",
                                std::max<std::int64_t>(message.summary()->window.count() * 2, 60))};
    if (std::ranges::any_of(message.summary()->kinds, [](const Summary::Kind& one) {
          return one.kind == EventKind::kBan || one.kind == EventKind::kFinding;
        })) {
      advice.steps.emplace_back("warder bans");
    }
    advice.incident = "summary";
    return advice;
  }
  const model::Event& event = *message.event();
  const auto detail = model::parse_detail(event.detail);
  IncidentPart part = incident_part(event, detail);
  Advice advice;
  advice.incident = std::move(part.name);
  advice.tells_end = part.tells_end;
  advice.is_over = part.is_over;
  if (detail.is_object()) {
    advice.cause = text_of(detail, "cause", kLongestPart);
    advice.is_known =
        event.kind == EventKind::kIncident && !text_of(detail, "by", kLongestPart).empty();
    if (std::string next = text_of(detail, "next", kLongestPart); !next.empty()) {
      advice.steps.push_back(std::move(next));
    } else if (const auto list = detail.find("next"); list != detail.end() && list->is_array()) {
      for (const auto& step : *list) {
        if (step.is_string() && advice.steps.size() < kMostSteps) {
          advice.steps.push_back(plain_text(step.get_ref<const std::string&>(), kLongestPart));
        }
      }
    }
  }
  for (std::string& step : usual_steps(event)) {
    advice.steps.push_back(std::move(step));
  }
  return advice;
}

}  // namespace warder::ship
