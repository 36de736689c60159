#include "ship/incident.h"

#include "model/event_json.h"
#include "ship/text.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

namespace warder::ship {
namespace {

using model::EventKind;

constexpr std::size_t kLongestIncident = 200;
constexpr std::size_t kLongestWords = 60;

}  // namespace

bool is_common(EventKind kind) {
  switch (kind) {
    case EventKind::kFinding:
    case EventKind::kBan:
    case EventKind::kUnban:
    case EventKind::kRestore:
    case EventKind::kExtend:
    case EventKind::kWouldBan:
      return true;
    default:
      return false;
  }
}

std::string text_of(const nlohmann::ordered_json& detail, const char* name, std::size_t most) {
  if (!detail.is_object()) {
    return {};
  }
  const auto found = detail.find(name);
  return found != detail.end() && found->is_string()
             ? plain_text(found->get_ref<const std::string&>(), most)
             : std::string();
}

IncidentPart incident_part(const model::Event& event, const nlohmann::ordered_json& detail) {
  IncidentPart part;
  part.name = text_of(detail, "incident", kLongestIncident);
  if (!part.name.empty()) {
    const std::string state = text_of(detail, "state", 10);
    part.tells_end = !state.empty();
    part.is_over = state == "good";
    return part;
  }
  const std::string key =
      event.kind == EventKind::kAlert ? text_of(detail, "key", kLongestIncident) : std::string();
  // Our texts begin with words of ours, which tell one trouble of a kind from another; what follows
  // differs from time to time, and may come from outside.
  const std::string_view message = event.message;
  const std::string_view words = util::trim(
      message.substr(0, std::min(message.find_first_of("0123456789:;'\"(,"), kLongestWords)));
  part.name = plain_text(
      !key.empty()    ? fmt::format("{}|{}", event.jail, key)
      : event.address ? fmt::format("{}|{}", event.jail, event.address->to_string())
                      : fmt::format("{}|{}|{}", model::to_string(event.kind), event.jail, words),
      kLongestIncident);
  return part;
}

std::optional<IncidentPart> incident_of(const model::Event& event) {
  const bool is_test = event.kind == EventKind::kAlert && event.jail.empty();
  // An event of an incident speaks of one.
  if (is_common(event.kind) || event.kind == EventKind::kIncident || is_test) {
    return std::nullopt;
  }
  const bool is_bad = event.severity >= model::Severity::kWarning;
  if (!is_bad && event.detail.find("\"state\"") == std::string::npos) {
    return std::nullopt;
  }
  IncidentPart part = incident_part(event, model::parse_detail(event.detail));
  return is_bad || part.is_over ? std::optional(std::move(part)) : std::nullopt;
}

std::string novelty_of(const model::Event& event) {
  if (event.kind == EventKind::kBan || event.kind == EventKind::kWouldBan) {
    return fmt::format("{}|{}", model::to_string(event.kind), event.jail);
  }
  if (is_common(event.kind) || event.kind == EventKind::kIncident ||
      event.severity < model::Severity::kNotice) {
    return {};
  }
  return incident_part(event, model::parse_detail(event.detail)).name;
}

}  // namespace warder::ship
