#include "engine/shipping.h"

#include "crypto/random.h"
#include "store/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace warder::engine {
namespace {

// The store as a shipper sees it: an item's id there is its sequence plus one, so that "above 0"
// means all. Each answer waits until it is on disk: only then is an item done.
class StoredOutbox : public ship::Outbox {
 public:
  StoredOutbox(store::Store& store, std::filesystem::path database,
               store::DestinationId destination)
      : store_(store), database_(std::move(database)), destination_(destination) {}

  util::Result<std::vector<model::OutboxItem>> next(std::uint64_t after,
                                                    std::size_t limit) override {
    if (!reader_) {
      WARDER_ASSIGN_OR_RETURN(reader_, store::Reader::open(database_));
    }
    WARDER_ASSIGN_OR_RETURN(std::vector<model::OutboxItem> items,
                            reader_->outbox_from(destination_, after, limit));
    for (model::OutboxItem& item : items) {
      item.id = item.sequence + 1;
    }
    return items;
  }
  util::Status delivered(std::span<const std::uint64_t> ids,
                         std::span<const Receipt> receipts) override {
    // Those with a receipt first: an item that is gone takes none.
    for (const Receipt& receipt : receipts) {
      const std::uint64_t sequence = receipt.item - 1;
      store_.outbox_delivered(destination_, {&sequence, 1}, receipt.text);
    }
    return store_.wait(store_.outbox_delivered(destination_, sequences(ids), {}), kLimit);
  }
  util::Status retry(std::span<const std::uint64_t> ids, util::WallTime until,
                     std::string_view error) override {
    return store_.wait(store_.outbox_retry(destination_, sequences(ids), until, std::string(error)),
                       kLimit);
  }
  util::Status give_up(std::span<const std::uint64_t> ids, std::string_view error) override {
    return store_.wait(store_.outbox_dead(destination_, sequences(ids), std::string(error)),
                       kLimit);
  }

 private:
  static constexpr std::chrono::seconds kLimit{60};

  static std::vector<std::uint64_t> sequences(std::span<const std::uint64_t> ids) {
    std::vector<std::uint64_t> sequences;
    for (const std::uint64_t id : ids) {
      sequences.push_back(id - 1);
    }
    return sequences;
  }

  store::Store& store_;
  const std::filesystem::path database_;
  const store::DestinationId destination_;
  std::optional<store::Reader> reader_;
};

}  // namespace

Shipping::Shipping(store::Store& store, std::filesystem::path database, const util::Clock& clock,
                   ship::Pump::OnReport on_report)
    : store_(store),
      database_(std::move(database)),
      clock_(clock),
      on_report_(std::move(on_report)) {}

Shipping::~Shipping() { stop(); }

util::Result<std::vector<Route>> Shipping::routes_to(const std::vector<DestinationPlan>& plans) {
  std::vector<Route> routes;
  for (const DestinationPlan& plan : plans) {
    WARDER_ASSIGN_OR_RETURN(const store::DestinationId id, store_.destination(plan.name));
    routes.push_back({plan.name, id, plan.selection, plan.after, plan.times, plan.options.quiet});
  }
  return routes;
}

void Shipping::use(std::vector<DestinationPlan> plans, const std::vector<Route>& routes) {
  // The store's thread calls notify(): never wait for the store, nor for a shipper that waits for
  // the store, while holding the lock.
  std::vector<Running> kept;
  std::vector<Running> ended;
  {
    const std::lock_guard lock(mutex_);
    for (Running& running : running_) {
      const bool same = std::any_of(plans.begin(), plans.end(), [&](const DestinationPlan& plan) {
        return plan.name == running.plan.name && plan.text == running.plan.text;
      });
      (same ? kept : ended).push_back(std::move(running));
    }
    running_ = std::move(kept);
  }
  // The old ones end first: a changed destination must not be served twice at once.
  ended.clear();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const std::lock_guard lock(mutex_);
    if (std::none_of(running_.begin(), running_.end(),
                     [&](const Running& running) { return running.plan.name == plans[i].name; })) {
      running_.push_back(start(std::move(plans[i]), routes[i].id));
    }
  }
}

Shipping::Running Shipping::start(DestinationPlan plan, store::DestinationId id) const {
  ship::ShipperOptions options = plan.options;
  options.jitter_seed = crypto::random_seed();
  auto shipper =
      std::make_unique<ship::Shipper>(std::make_unique<StoredOutbox>(store_, database_, id),
                                      plan.make(), options, clock_, on_report_);
  return Running{std::move(plan), id, std::move(shipper)};
}

void Shipping::notify() {
  const std::lock_guard lock(mutex_);
  for (const Running& running : running_) {
    running.shipper->notify();
  }
}

void Shipping::stop() {
  std::vector<Running> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(running_);
  }
}

std::vector<Shipping::State> Shipping::states() const {
  std::vector<State> states;
  const std::lock_guard lock(mutex_);
  for (const Running& running : running_) {
    states.push_back({running.plan.name, running.id, running.shipper->status()});
  }
  return states;
}

util::Status Shipping::revive(std::string_view destination) {
  std::optional<store::DestinationId> id;
  for (const State& state : states()) {
    if (state.name == destination) {
      id = state.id;
    }
  }
  if (!id) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("no destination is named '{}'; warder status lists them", destination));
  }
  WARDER_RETURN_IF_ERROR(store_.wait(store_.outbox_revive(*id, {}), std::chrono::seconds(10)));
  const std::lock_guard lock(mutex_);
  for (const Running& running : running_) {
    if (running.id == *id) {
      running.shipper->reload();
    }
  }
  return {};
}

}  // namespace warder::engine
