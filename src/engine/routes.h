#pragma once

#include "model/event.h"
#include "ship/selection.h"
#include "store/batch.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace warder::engine {

// One destination as routing sees it.
struct Route {
  std::string name;
  store::DestinationId id{};
  ship::Selection selection;
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

 private:
  struct Table {
    std::vector<Route> routes;
    std::map<std::string, std::vector<std::string>, std::less<>> jails;
  };
  std::shared_ptr<const Table> table() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();  // guarded by mutex_
};

}  // namespace warder::engine
