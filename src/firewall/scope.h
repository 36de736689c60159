#pragma once

#include "net/port.h"
#include "util/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::firewall {

using net::PortRange;

// The number is the one of IANA, except kAny. It goes over the helper's socket.
enum class Protocol : std::uint8_t { kAny = 0, kTcp = 6, kUdp = 17 };

// Which packets of a banned address are dropped: those of one protocol to one list of ports. Jails
// with the same protocol and ports share a scope, and with it the kernel's sets.
//
// No ports means every port; kAny without ports is "all": every packet, whatever its protocol. kAny
// with ports means TCP and UDP.
//
// Invariant: ports are sorted, do not overlap or touch, and are at most kMostRanges. A plain value.
class Scope {
 public:
  static constexpr std::size_t kMostRanges = 32;

  // Every packet of the address.
  Scope() = default;
  // Sorts and joins the ranges. kInvalid for too many ranges or first > last.
  static util::Result<Scope> make(Protocol protocol, std::vector<PortRange> ports);
  // As a jail writes it (fail2ban): `protocol` is tcp, udp, all or empty (tcp when there are ports,
  // otherwise all); `ports` is what net::parse_ports() takes; empty, "all" and "any" mean every
  // port. kInvalid names the word that is wrong.
  static util::Result<Scope> parse(std::string_view protocol, std::string_view ports);

  Protocol protocol() const { return protocol_; }
  const std::vector<PortRange>& ports() const { return ports_; }
  bool is_all() const { return protocol_ == Protocol::kAny && ports_.empty(); }

  // "all", "tcp", "tcp_80_443", "udp_5000-6000": unique for a scope and the same for ever, since
  // the kernel's sets are named after it. A long list of ports ends in a hash.
  std::string name() const;

  friend bool operator==(const Scope&, const Scope&) = default;

 private:
  Protocol protocol_ = Protocol::kAny;
  std::vector<PortRange> ports_;
};

}  // namespace warder::firewall
