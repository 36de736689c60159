#pragma once

#include "firewall/firewall.h"

#include <functional>

namespace warder::firewall {

// Gives one ban that should be running (kind is ignored) and returns true, or returns false at the
// end. Each (scope, prefix) at most once, with the latest end that any jail wants.
using NextBan = std::function<bool(Change& ban)>;

// Told of each ban that was refused.
using OnRefusal = std::function<void(const Change&, const Refusal&)>;

struct ReconcileReport {
  std::uint64_t kept = 0;
  std::uint64_t added = 0;
  std::uint64_t corrected = 0;  // was there with another end
  std::uint64_t removed = 0;    // was there and should not have been
  std::uint64_t refused = 0;
  // False when there were more bans than kMostStrayChecked: then elements that should not be there
  // stay until they end.
  bool strays_checked = true;

  friend bool operator==(const ReconcileReport&, const ReconcileReport&) = default;
};

// Listing a set costs the kernel time that grows with the square of its size.
constexpr std::size_t kMostStrayChecked = 100'000;

// Makes the kernel hold exactly the desired bans: adds what is missing, corrects ends, takes away
// what is too much, leaves the rest untouched (end, counters). To be called after ensure().
// Constant memory but for 24 bytes a ban up to kMostStrayChecked. `on_refusal` may be empty. Errors
// are those of list() and apply(); what was done until then stays, calling again goes on.
util::Result<ReconcileReport> reconcile(Firewall& firewall, const NextBan& next_ban,
                                        const OnRefusal& on_refusal = {});

}  // namespace warder::firewall
