#pragma once

#include "model/event.h"
#include "store/batch.h"
#include "store/database.h"
#include "util/clock.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::store {

// What a shipper says of items it had; see the outbox functions of Store.
struct OutboxUpdate {
  enum class What : std::uint8_t { kDelivered, kRetry, kDead, kRevive };

  What what = What::kDelivered;
  DestinationId destination{};
  std::vector<std::uint64_t> ids;
  util::WallTime until{};  // kRetry
  std::string text;        // receipt or error
};

// Items that one destination lost.
struct OutboxLoss {
  DestinationId destination{};
  std::string name;
  // By severity.
  std::array<std::uint64_t, 5> dropped{};

  std::uint64_t total() const;
  // "12 of severity info, 3 of severity notice"
  std::string to_text() const;
};

// The writing side of the outbox. Works inside the transaction of its caller, who says how that
// ended. An item is named by the sequence of its event.
class Outbox {
 public:
  util::Status open(Connection& connection, std::uint64_t limit);

  util::Result<DestinationId> destination(std::string_view name);
  // Every destination with its number, to take over into a new database.
  util::Result<std::vector<std::pair<DestinationId, std::string>>> destinations();
  util::Status adopt(DestinationId number, std::string_view name);

  // An unknown destination is passed over: nobody could ever fetch the item.
  // `fresh`: the first of its kind, see Novelty.
  util::Status enqueue(DestinationId destination, std::uint64_t sequence, model::Severity severity,
                       bool fresh = false);
  util::Status apply(const OutboxUpdate& update, util::WallTime now);

  // Brings each destination that is over the limit a sixteenth below it: the lowest severity goes
  // first, of that the oldest.
  util::Result<std::vector<OutboxLoss>> trim();
  // Removes what belongs to events before `sequence`; gives the losses among waiting items and dead
  // letters.
  util::Result<std::vector<OutboxLoss>> prune(std::uint64_t sequence);

  void committed() { durable_ = waiting_; }
  void rolled_back() { waiting_ = durable_; }

 private:
  util::Status apply_one(const OutboxUpdate& update, std::uint64_t id, util::WallTime now);
  util::Result<OutboxLoss> drop(DestinationId destination, Statement& statement,
                                std::int64_t argument);

  Connection* connection_ = nullptr;
  std::uint64_t limit_ = 0;
  Statement insert_;
  Statement deliver_;
  Statement keep_receipt_;
  Statement retry_;
  Statement bury_;
  Statement revive_;
  Statement revive_all_;
  Statement trim_;
  Statement prune_;
  Statement prune_receipts_;
  Statement add_delivered_;
  Statement add_dropped_;
  Statement name_;
  // Pending items by destination, with those of the open transaction and without.
  std::map<DestinationId, std::uint64_t> waiting_;
  std::map<DestinationId, std::uint64_t> durable_;
};

}  // namespace warder::store
