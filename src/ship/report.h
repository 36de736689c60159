#pragma once

#include "model/event.h"
#include "util/clock.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::ship {

// What the operator should hear about a destination; the engine makes an event of kind kDestination
// of it (report_event()).
struct Report {
  enum class Kind {
    kFailing,    // has failed several times in a row; items wait in the outbox
    kRecovered,  // works again after kFailing
    kGaveUp,     // `items` became dead letters
  };
  Kind kind = Kind::kFailing;
  std::string destination;
  std::uint64_t items = 0;
  std::string reason = {};
};

// The id is left empty. An event about a destination is never sent to that destination
// (about_destination()), or a dead letter would breed another.
model::Event report_event(const Report& report, util::WallTime now);
bool about_destination(const model::Event& event, std::string_view destination);

}  // namespace warder::ship
