#pragma once

#include "net/address.h"
#include "util/result.h"

#include <cstdint>
#include <functional>

namespace warder::firewall {

// Calls `visit` with the local port and the remote address of every established TCP connection of
// the current network namespace, as sock_diag(7) tells. kUnavailable when the kernel cannot tell.
util::Status visit_tcp_peers(
    const std::function<void(std::uint16_t local_port, const net::IpAddress& remote)>& visit);

}  // namespace warder::firewall
