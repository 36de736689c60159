#pragma once

#include "util/result.h"

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::net {

// The ports from `first` to `last`, both included.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;

  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

// "80,443", "ssh", "1:100", "60000-61000", "0:65535", separated by commas or white space, as
// fail2ban's `port` has it. Sorted; ranges that touch are joined. Names are those of a table of our
// own, the services that people ban for: a look-up in /etc/services would make the meaning of a
// configuration depend on the host. kInvalid for anything else and for an empty list.
util::Result<std::vector<PortRange>> parse_ports(std::string_view text);

// "22,80,1000:2000"; parse_ports() of it gives the same.
std::string format_ports(std::span<const PortRange> ports);

}  // namespace warder::net
