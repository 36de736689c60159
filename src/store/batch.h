#pragma once

#include "model/ban.h"
#include "model/event.h"
#include "model/line.h"
#include "util/clock.h"

#include <chrono>
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

// Who is told of an incident that nobody has acknowledged `after` it began, so many times, this
// long apart.
struct EscalateTo {
  DestinationId destination{};
  std::chrono::seconds after{0};
  std::uint32_t times = 1;
};

// The event at `event` opens an incident, belongs to an open one, or ends it (store/incident.h).
struct IncidentEntry {
  std::uint32_t event = 0;
  std::string name;
  bool is_over = false;
  bool tells_end = false;  // an event that is_over will come some day
  // From when on an acknowledgement is waited for: nobody can give one for what is still held.
  util::WallTime clock{};
  std::vector<EscalateTo> escalate;
};

// The event at `event` says who knows of an incident; it goes to all who were told of that.
struct Acknowledgement {
  std::uint32_t event = 0;
  std::int64_t incident = 0;
  std::string by;
  std::string note;
};

// The event at `event` is of such a thing: the first of its name goes ahead of repetitions.
struct Novelty {
  std::uint32_t event = 0;
  std::string name;
};

// The event at `event` says that the wall clock was set by so much (forward is positive): ends of
// running bans and what is due later move with it, so that they come when they would have.
struct ClockStep {
  std::uint32_t event = 0;
  std::chrono::microseconds by{};
};

// What one step of the pipeline leaves behind; stored whole or not at all. An event whose id is in
// the history already is skipped with its outbox entries: a line read twice counts once.
struct Batch {
  std::vector<model::Event> events;
  std::vector<OutboxEntry> outbox;
  std::vector<BanChange> bans;
  std::vector<model::Position> positions;
  std::vector<Kept> kept;
  std::vector<IncidentEntry> incidents;
  std::vector<Acknowledgement> acknowledgements;
  std::vector<Novelty> novelties;
  std::vector<ClockStep> clock_steps;

  bool empty() const;
  // What it counts for against the queue limit: its memory, roughly.
  std::size_t bytes() const;
};

}  // namespace warder::store
