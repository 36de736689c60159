#pragma once

#include "model/event.h"
#include "ship/quiet_hours.h"
#include "ship/selection.h"
#include "store/batch.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace warder::engine {

// One destination as routing sees it.
struct Route {
  std::string name;
  store::DestinationId id{};
  ship::Selection selection;
  // Not zero: told only of incidents that nobody has acknowledged so long, so many times.
  std::chrono::seconds after{0};
  std::uint32_t times = 0;
  // When it is not told at once.
  ship::QuietOptions quiet = {};
};

// Which destinations an event goes to: those whose selection wants it, that its jail allows, and
// that are not what the event is about. Read by the pipeline and the store's thread, replaced as a
// whole when the configuration changes. Thread safe.
class Routes {
 public:
  // `jails`: the destinations that a jail names; a jail that is not in the map, or names none,
  // tells all.
  void replace(std::vector<Route> routes,
               std::map<std::string, std::vector<std::string>, std::less<>> jails);

  std::vector<store::DestinationId> of(const model::Event& event) const;
  // The incident that the event belongs to, and who is told when nobody acknowledges it; empty when
  // it belongs to none. `told` is what of() gave. While all of them hold it for the end of quiet
  // hours nobody is waited for.
  std::optional<store::IncidentEntry> incident(const model::Event& event,
                                               const std::vector<store::DestinationId>& told) const;

 private:
  struct Table {
    std::vector<Route> routes;
    std::map<std::string, std::vector<std::string>, std::less<>> jails;
  };
  std::shared_ptr<const Table> table() const;
  static bool wants(const Table& table, const Route& route, const model::Event& event);

  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();  // guarded by mutex_
};

}  // namespace warder::engine
