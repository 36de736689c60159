#include "engine/routes.h"

#include "ship/incident.h"
#include "ship/report.h"

#include <algorithm>
#include <utility>

namespace warder::engine {

void Routes::replace(std::vector<Route> routes,
                     std::map<std::string, std::vector<std::string>, std::less<>> jails) {
  auto table = std::make_shared<const Table>(Table{std::move(routes), std::move(jails)});
  const std::lock_guard lock(mutex_);
  table_ = std::move(table);
}

std::shared_ptr<const Routes::Table> Routes::table() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

bool Routes::wants(const Table& table, const Route& route, const model::Event& event) {
  const auto jail = table.jails.find(event.jail);
  const std::vector<std::string>* const named =
      jail == table.jails.end() || jail->second.empty() ? nullptr : &jail->second;
  const bool allowed =
      named == nullptr || std::find(named->begin(), named->end(), route.name) != named->end();
  return allowed && route.selection.wants(event) && !ship::about_destination(event, route.name);
}

std::vector<store::DestinationId> Routes::of(const model::Event& event) const {
  const std::shared_ptr<const Table> now = table();
  const bool is_test = event.kind == model::EventKind::kAlert && event.jail.empty();
  std::vector<store::DestinationId> ids;
  for (const Route& route : now->routes) {
    if ((route.after.count() == 0 || is_test) && wants(*now, route, event)) {
      ids.push_back(route.id);
    }
  }
  return ids;
}

std::optional<store::IncidentEntry> Routes::incident(
    const model::Event& event, const std::vector<store::DestinationId>& told) const {
  auto part = ship::incident_of(event);
  if (!part) {
    return std::nullopt;
  }
  store::IncidentEntry entry;
  entry.name = std::move(part->name);
  entry.is_over = part->is_over;
  entry.tells_end = part->tells_end;
  entry.clock = event.time;
  if (entry.is_over) {
    return entry;
  }
  const std::shared_ptr<const Table> now = table();
  std::optional<util::WallTime> first;
  for (const Route& route : now->routes) {
    if (route.after.count() != 0) {
      if (wants(*now, route, event)) {
        entry.escalate.push_back({route.id, route.after, route.times});
      }
    } else if (std::find(told.begin(), told.end(), route.id) != told.end()) {
      const util::WallTime heard = ship::is_held(route.quiet, event, event.time)
                                       ? route.quiet.hours.end(event.time, route.quiet.clocks)
                                       : event.time;
      first = first ? std::min(*first, heard) : heard;
    }
  }
  entry.clock = first.value_or(event.time);
  return entry;
}

}  // namespace warder::engine
