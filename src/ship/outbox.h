#pragma once

#include "model/outbox.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::ship {

// What a shipper needs of the outbox of its destination. The engine puts the store behind it, tests
// a vector. Called from the shipper's thread only. A failure is reported, and tried again after a
// back-off; nothing is taken as done before the outbox said so, so an item may be delivered twice
// (with the same key) but never not at all.
class Outbox {
 public:
  virtual ~Outbox() = default;

  // Ids begin at 1. The oldest undelivered items with an id above `after`, oldest first, at most
  // `limit`. Items marked by retry() are included whether or not their time has come: the shipper
  // keeps the order and the waiting itself. Items given up are not.
  virtual util::Result<std::vector<model::OutboxItem>> next(std::uint64_t after,
                                                            std::size_t limit) = 0;
  // The destination has them: they may go. Some have a receipt, which stays with the event.
  struct Receipt {
    std::uint64_t item = 0;
    std::string text;
  };
  virtual util::Status delivered(std::span<const std::uint64_t> ids,
                                 std::span<const Receipt> receipts) = 0;
  // An attempt failed; counts it. `until` and `error` are for the operator's eyes: the shipper
  // waits by its own clock, and tries at once after a restart.
  virtual util::Status retry(std::span<const std::uint64_t> ids, util::WallTime until,
                             std::string_view error) = 0;
  // Dead letters: kept, visible, not tried again unless an operator says so.
  virtual util::Status give_up(std::span<const std::uint64_t> ids, std::string_view error) = 0;
};

}  // namespace warder::ship
