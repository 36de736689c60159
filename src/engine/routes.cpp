#include "engine/routes.h"

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

std::vector<store::DestinationId> Routes::of(const model::Event& event) const {
  const std::shared_ptr<const Table> now = table();
  const std::vector<std::string>* named = nullptr;
  if (const auto jail = now->jails.find(event.jail); jail != now->jails.end()) {
    named = jail->second.empty() ? nullptr : &jail->second;
  }
  std::vector<store::DestinationId> ids;
  for (const Route& route : now->routes) {
    const bool allowed =
        named == nullptr || std::find(named->begin(), named->end(), route.name) != named->end();
    if (allowed && route.selection.wants(event) && !ship::about_destination(event, route.name)) {
      ids.push_back(route.id);
    }
  }
  return ids;
}

}  // namespace warder::engine
