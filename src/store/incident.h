#pragma once

#include "model/event.h"
#include "util/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace warder::store {

// How an incident came to its end. The number is stored: append, never renumber.
enum class IncidentEnd : std::uint8_t {
  kOver = 1,          // its end was told
  kAcknowledged = 2,  // acknowledged; what came later is another one
  kSilent = 3,        // nothing of it was heard for long
  kCrowded = 4,       // too many were open, and others were worse or younger
};

std::string_view to_string(IncidentEnd how);

// What belongs together from its first alert to its end. `number` names this one for ever: when the
// same thing happens again after the end, that is another number, so that an acknowledgement never
// covers what was not known when it was given.
struct Incident {
  std::int64_t number = 0;
  std::string name;
  util::WallTime opened{};
  util::WallTime last{};
  std::optional<util::WallTime> ended;
  std::optional<IncidentEnd> how;
  std::uint64_t events = 0;
  model::Severity severity = model::Severity::kInfo;  // the highest
  model::EventKind kind = model::EventKind::kAgent;   // of the last event, like what follows
  std::string jail;
  std::string message;
  std::optional<util::WallTime> acknowledged;
  std::string acknowledged_by;
  std::string note;
  struct Told {
    std::string destination;
    enum class State : std::uint8_t { kDelivered, kWaiting, kDead } state = State::kDelivered;
    std::uint64_t times = 0;
  };
  std::vector<Told> told;
  // Who will be told unless somebody acknowledges it, the next first.
  struct Coming {
    std::string destination;
    util::WallTime due{};
    std::uint32_t times = 0;
  };
  std::vector<Coming> coming;
};

}  // namespace warder::store
