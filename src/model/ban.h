#pragma once

#include "net/address.h"
#include "util/clock.h"

#include <cstdint>
#include <optional>
#include <string>

namespace warder::model {

// A ban of one address or prefix by one jail. Two jails may hold the same address; the kernel keeps
// it until the later end.
struct Ban {
  std::string jail;
  net::Prefix address;
  util::WallTime start{};
  // Never ends when empty.
  std::optional<util::WallTime> end;
  // How often this jail has banned the address, this ban included (bantime.increment).
  std::uint32_t count = 1;
  // For the operator: "5 findings in 10m".
  std::string reason;

  friend bool operator==(const Ban&, const Ban&) = default;
};

}  // namespace warder::model
