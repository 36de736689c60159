#pragma once

#include "firewall/comparison.h"
#include "firewall/ruleset.h"
#include "firewall/table_client.h"
#include "firewall/wish.h"

#include <span>

namespace warder::firewall {

// The most wishes in one transaction of the quick way.
constexpr std::size_t kTransaction = 4096;

// Puts wishes into effect whose sets are all there, and adds to `report`.
//
// The quick way writes all of them into one transaction in which additions must be new and removals
// must be there. Where that fails, the careful way goes through them in small portions: it asks the
// kernel what it has, leaves out what is fulfilled, deletes and adds in the same transaction what
// ends at another time (kernels before 6.12 cannot change the end of an element; the count goes
// along), one message an element, so that the kernel's answers name the bad ones. Those are
// reported and left out, and the rest is tried again.
//
// A transaction that fails costs the kernel as much as one that does not and some ten milliseconds
// more. So where most wishes of a large portion are found to be held by the kernel already, `held`
// becomes true, and large portions are asked for first from then on, until most are missing.
//
// Asking is most of the work then, and the kernel lets several ask at once: `second` asks for half
// of it. May be null.
//
// kConflict when the table or a set is gone, or others keep changing it.
util::Status put_into_effect(TableClient& client, SecondLook* second, const Ruleset& ruleset,
                             std::span<const Wish> wishes, bool& held, ApplyReport& report);

}  // namespace warder::firewall
