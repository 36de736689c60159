#pragma once

#include "net/address.h"
#include "util/result.h"

#include <string>
#include <vector>

namespace warder::engine {

// The addresses a name has now, sorted, by the host's own resolver (getaddrinfo(3)). Waits for the
// network: never on the thread that reads lines. kNotFound when it has none, kUnavailable when
// nobody could say.
util::Result<std::vector<net::IpAddress>> look_up_host(const std::string& name);

}  // namespace warder::engine
