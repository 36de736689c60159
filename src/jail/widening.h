#pragma once

#include "jail/ban_table.h"
#include "jail/options.h"
#include "net/address.h"

#include <cstdint>
#include <vector>

namespace warder::jail {

// One step of widening with the length of its children.
struct Step {
  std::uint8_t length = 0;
  std::uint8_t child_length = 0;
  std::uint16_t children = 0;
};

// The configured steps of a family, the narrowest first.
std::vector<Step> steps_of(unsigned base_length, const std::vector<WideningStep>& widen);

// Which child of the prefix of `step` the address lies in: the bits between the two lengths. Steps
// of more than 8 bits are folded to 8 by a keyed hash, and so may count some children as one.
std::uint8_t child_of(const HashKey& key, const net::IpAddress& address, const Step& step);

// How many children of `prefix` (of the step's length) the jail has banned at `now`, stopping at
// `enough`. Steps of more than 8 bits count none: there would be too many to look up.
std::uint32_t banned_children(const BanTable& bans, JailIndex jail, const net::Prefix& prefix,
                              const Step& step, std::uint32_t enough, util::WallTime now);

}  // namespace warder::jail
