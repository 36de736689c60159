#pragma once

#include "store/ban_table.h"
#include "store/database.h"
#include "store/event_log.h"
#include "store/options.h"
#include "store/outbox.h"
#include "store/pruned_tree.h"
#include "store/settled_clock.h"
#include "util/clock.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <vector>

namespace warder::store {

// Keeps the history within its limits, in slices of some thousand rows so that no lock is long. One
// round: ended bans into the past, old past bans and events away, free pages back to the file
// system.
class Retention {
 public:
  // What one round removed, to be reported.
  struct Removed {
    std::uint64_t first_event = 0;
    std::uint64_t events = 0;
    std::uint64_t past_bans = 0;
    // Rows that were changed or missing when their turn came: somebody edited the history.
    std::uint64_t tampered_events = 0;
    std::vector<OutboxLoss> losses;
  };

  util::Status open(Connection& connection, const Options& options, BanTable& bans, Outbox& outbox,
                    const util::Clock& clock);

  // One slice, inside the transaction of the caller. Gives whether the round is at its end.
  util::Result<bool> slice(const EventLog& log);
  // Gives free pages back, outside a transaction; whether there are none left to give.
  util::Result<bool> shrink();

  // Of the round so far; the next begins with nothing.
  Removed take_removed();

  void committed() { durable_removed_ = removed_; }
  void rolled_back() { removed_ = durable_removed_; }

 private:
  enum class Stage : std::uint8_t { kEndedBans, kPastBans, kEvents };

  util::Result<bool> prune_events(const EventLog& log, util::WallTime now);
  util::Result<bool> over_size();

  Connection* connection_ = nullptr;
  const Options* options_ = nullptr;
  BanTable* bans_ = nullptr;
  Outbox* outbox_ = nullptr;
  const util::Clock* clock_ = nullptr;
  // Somebody who sets the clock to next year does not have the history removed by it.
  SettledClock settled_{std::chrono::hours(1), std::chrono::hours(24)};
  // A step reaches the store as a ClockStep, which moves the ends of bans, within a second or so.
  SettledClock settled_for_bans_{std::chrono::seconds(2), std::chrono::seconds(30)};
  PrunedTree tree_;
  Statement oldest_;
  Statement remove_;
  Statement remove_spans_;
  Stage stage_ = Stage::kEndedBans;
  Removed removed_;
  Removed durable_removed_;
};

}  // namespace warder::store
