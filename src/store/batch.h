#pragma once

#include "model/ban.h"
#include "model/event.h"
#include "model/line.h"
#include "util/clock.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::store {

// Number of a destination in the outbox, given by Store::destination() and kept in the database.
enum class DestinationId : std::uint32_t {};

// Orders everything that was handed to the store: what has a ticket up to Store::durable_through()
// is on disk.
using Ticket = std::uint64_t;

// How a ban came to its end. The number is stored: append, never renumber.
enum class BanEnd : std::uint8_t {
  kExpired = 1,   // its time was over
  kLifted = 2,    // an operator took it back
  kReplaced = 3,  // a wider prefix covers it now
};

std::string_view to_string(BanEnd how);

// One change of the bans. Inserting what is already banned by that jail and extending are the same:
// the later state replaces the earlier, so that replaying a batch changes nothing.
struct BanChange {
  enum class Action : std::uint8_t { kSet, kEnd };

  Action action = Action::kSet;
  // For kEnd only jail and address count.
  model::Ban ban;
  // For kEnd.
  BanEnd how = BanEnd::kExpired;
  util::WallTime ended{};
};

// The event at `event` in its batch is to go to `destination`.
struct OutboxEntry {
  std::uint32_t event = 0;
  DestinationId destination{};
};

// Something a part of the agent remembers beside the history, under a name of its own
// ("monitor/vaultwarden"). An empty value forgets it. Not hashed into the tree.
struct Kept {
  std::string name;
  std::string value;
};

// What one step of the pipeline leaves behind; stored whole or not at all. An event whose id is in
// the history already is skipped with its outbox entries: a line read twice counts once.
struct Batch {
  std::vector<model::Event> events;
  std::vector<OutboxEntry> outbox;
  std::vector<BanChange> bans;
  std::vector<model::Position> positions;
  std::vector<Kept> kept;

  bool empty() const;
  // What it counts for against the queue limit: its memory, roughly.
  std::size_t bytes() const;
};

}  // namespace warder::store
