#pragma once

#include "model/event.h"

#include <cstdint>
#include <string>
#include <vector>

namespace warder::ship {

// Which events a destination gets. The engine asks wants() before it puts an event into the outbox
// of the destination, so that an event nobody wants costs nothing.
struct Selection {
  enum class Kinds {
    // Bans and would-be bans, test alerts, what operators and other programs report above info; of
    // everything else that is no finding or unban only warnings and worse. Restored bans are
    // silent.
    kAlerts,
    kAll,     // everything but restored bans
    kListed,  // `kinds` alone
  };
  Kinds mode = Kinds::kAlerts;
  // Wanted besides what the mode takes.
  std::vector<model::EventKind> kinds;
  model::Severity least = model::Severity::kInfo;
  // Empty: all jails. Events without a jail are not held back by this.
  std::vector<std::string> jails;
  // Signed checkpoints of the history (model/witness.h), whatever else is wanted.
  bool witness = false;

  bool wants(const model::Event& event) const;
};

}  // namespace warder::ship
