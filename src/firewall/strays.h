#pragma once

#include "firewall/firewall.h"

#include <cstdint>
#include <functional>

namespace warder::firewall {

// Should this prefix be banned in this scope?
using IsWanted = std::function<bool(ScopeIndex scope, const net::Prefix& prefix)>;

// Listing a set costs the kernel time that grows with the square of its size, and lines and bans
// wait for it: with more bans than this (a quarter of a second) nobody should look for strays.
constexpr std::size_t kMostStrayChecked = 50'000;

struct StrayReport {
  std::uint64_t removed = 0;
  // False when the kernel held more than twice kMostStrayChecked elements: then strays among the
  // rest stay until they end.
  bool all_checked = true;

  friend bool operator==(const StrayReport&, const StrayReport&) = default;
};

// Takes out of the kernel what nobody wants banned. To be called after ensure(). `is_wanted` must
// not call `firewall`. Constant memory. Errors are those of list() and apply(); what was done until
// then stays.
util::Result<StrayReport> remove_strays(Firewall& firewall, const IsWanted& is_wanted);

}  // namespace warder::firewall
