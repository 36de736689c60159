#pragma once

#include "model/event.h"

#include <cstdint>

namespace warder::model {

// An event on its way to one destination. It leaves the outbox only when the destination has
// acknowledged it or when it was given up (and is then a dead letter, still there to be seen).
struct OutboxItem {
  // Names the item within the outbox of its destination; rises in the order of the events.
  std::uint64_t id = 0;
  // Place of the event in the history (Merkle leaf index).
  std::uint64_t sequence = 0;
  // Attempts made so far.
  std::uint32_t attempts = 0;
  Event event;
  // The first of its kind, incident or source that anybody is told of.
  bool fresh = false;
};

}  // namespace warder::model
