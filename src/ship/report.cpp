#include "ship/report.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace warder::ship {
namespace {

// Begins the detail of every event about a destination, so that it can be told without parsing.
std::string detail_start(std::string_view destination) {
  return "{\"destination\":" +
         nlohmann::json(destination).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

model::Event report_event(const Report& report, util::WallTime now) {
  model::Event event;
  event.kind = model::EventKind::kDestination;
  event.time = now;
  const std::string reason = util::printable_again(report.reason, 600);
  const std::string_view plural = report.items == 1 ? "" : "s";
  switch (report.kind) {
    case Report::Kind::kFailing:
      event.severity = model::Severity::kWarning;
      event.message = fmt::format("destination {} fails, its alerts wait in the outbox: {}",
                                  report.destination, reason);
      break;
    case Report::Kind::kRecovered:
      event.severity = model::Severity::kNotice;
      event.message = fmt::format("destination {} works again", report.destination);
      break;
    case Report::Kind::kGaveUp:
      event.severity = model::Severity::kHigh;
      event.message = fmt::format(
          "destination {}: {} alert{} could not be delivered and {} kept "
          "as dead letter{}: {}",
          report.destination, report.items, plural, report.items == 1 ? "is" : "are", plural,
          reason);
      break;
  }
  nlohmann::json incident{{"incident", fmt::format("destination/{}", report.destination)},
                          {"items", report.items}};
  if (report.kind == Report::Kind::kGaveUp) {
    incident["incident"] = fmt::format("dead-letters/{}", report.destination);
  } else {
    incident["state"] = report.kind == Report::Kind::kFailing ? "bad" : "good";
  }
  const std::string rest = incident.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  event.detail = fmt::format("{},{}", detail_start(report.destination), rest.substr(1));
  return event;
}

bool about_destination(const model::Event& event, std::string_view destination) {
  return event.kind == model::EventKind::kDestination &&
         event.detail.starts_with(detail_start(destination) + ",");
}

}  // namespace warder::ship
