#pragma once

#include "firewall/firewall.h"
#include "firewall/set_element.h"

#include <cstdint>
#include <span>
#include <vector>

namespace warder::firewall {

// What is left to do for one (scope, prefix) when all changes of it are put together.
struct Wish {
  Change::Kind kind = Change::Kind::kAdd;
  ScopeIndex scope = 0;
  net::Prefix prefix;
  Remaining remaining;       // for kAdd and kSet
  std::uint32_t change = 0;  // the last change that went in

  friend bool operator==(const Wish&, const Wish&) = default;
};

// Folds changes into one wish a (scope, prefix), so that nothing depends on the order within a
// transaction: after a removal, an add is a set; two adds are the later one; a set whose end is
// past is a removal; an add whose end is past does nothing. Sorted by kind (removals first), scope,
// family and length, so that one run is one set. `ignored` counts the changes without effect.
std::vector<Wish> fold(std::span<const Change> changes, util::WallTime now, std::uint32_t& ignored);

// Does an element that ends after `held` fulfil the wish?
bool is_fulfilled_by(const Wish& wish, const Remaining& held);
// Does it end later than the wish asks for?
bool outlasts(const Wish& wish, const Remaining& held);

}  // namespace warder::firewall
