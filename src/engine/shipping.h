#pragma once

#include "engine/routes.h"
#include "ship/destination.h"
#include "ship/selection.h"
#include "ship/shipper.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// One destination as configured.
struct DestinationPlan {
  std::string name;
  ship::Selection selection;
  ship::ShipperOptions options;
  std::chrono::seconds after{0};  // see Route
  std::uint32_t times = 0;
  std::function<std::unique_ptr<ship::Destination>()> make;
  // Equal text, equal destination: it goes on undisturbed over a change of the configuration.
  std::string text;
};

// The shippers of all destinations, each with a thread of its own, fed from the store's outbox.
// Thread safe.
class Shipping {
 public:
  // All must outlive it. `on_report` is called on the shippers' threads.
  Shipping(store::Store& store, std::filesystem::path database, const util::Clock& clock,
           ship::Pump::OnReport on_report);
  ~Shipping();
  Shipping(const Shipping&) = delete;
  Shipping& operator=(const Shipping&) = delete;

  // The routes that lead there, by the numbers that the store has for their names. All of a change
  // that can fail; nothing has changed yet.
  util::Result<std::vector<Route>> routes_to(const std::vector<DestinationPlan>& plans);
  // Starts what is new, stops what is gone or changed; `routes` are those of the plans. What waits
  // for a destination that is gone stays in the outbox, in case it comes back.
  void use(std::vector<DestinationPlan> plans, const std::vector<Route>& routes);
  // The outbox has new items on disk.
  void notify();
  void stop();

  struct State {
    std::string name;
    store::DestinationId id{};
    ship::ShipperStatus status;
  };
  std::vector<State> states() const;
  // Puts dead letters back; kNotFound.
  util::Status revive(std::string_view destination);

 private:
  struct Running {
    DestinationPlan plan;
    store::DestinationId id{};
    std::unique_ptr<ship::Shipper> shipper;
  };

  Running start(DestinationPlan plan, store::DestinationId id) const;

  store::Store& store_;
  const std::filesystem::path database_;
  const util::Clock& clock_;
  const ship::Pump::OnReport on_report_;
  mutable std::mutex mutex_;
  std::vector<Running> running_;  // guarded by mutex_
};

}  // namespace warder::engine
