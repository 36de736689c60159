#pragma once

#include "firewall/firewall.h"

#include <functional>

namespace warder::firewall {

// Gives one ban that should be running (kind is ignored) and returns true, or returns false at the
// end. A ban given twice counts with its later end.
using NextBan = std::function<bool(Change& ban)>;

struct ReconcileReport {
  std::uint64_t kept = 0;
  std::uint64_t added = 0;
  std::uint64_t corrected = 0;  // was there with another end
  std::uint64_t removed = 0;    // was there and should not have been
  std::uint64_t refused = 0;

  friend bool operator==(const ReconcileReport&, const ReconcileReport&) = default;
};

// Makes the kernel hold exactly the desired bans: adds what is missing, takes away what is too
// much, corrects ends, leaves the rest untouched. To be called after ensure(). Takes 12 to 24 bytes
// of memory for each element that the kernel holds at the beginning. `on_refusal` is told of each
// ban that was refused; it may be empty. Errors are those of list() and apply(); what was done
// until then stays, calling again goes on.
util::Result<ReconcileReport> reconcile(
    Firewall& firewall, const NextBan& next_ban, util::WallTime now,
    const std::function<void(const Change&, const Refusal&)>& on_refusal = {});

}  // namespace warder::firewall
