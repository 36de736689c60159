#pragma once

#include "net/address.h"
#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// The addresses a name has now, sorted, by the host's own resolver (getaddrinfo(3)). Waits for the
// network: never on the thread that reads lines. kNotFound when it has none, kUnavailable when
// nobody could say.
util::Result<std::vector<net::IpAddress>> look_up_host(const std::string& name);

// Has the resolver of the calling thread ask each name server once and wait two seconds for it,
// whatever resolv.conf(5) says.
void bound_resolver_of_this_thread();

// Can this be the name of a host (RFC 1123, with '_' for what is found in logs)?
bool is_host_name(std::string_view text);

}  // namespace warder::engine
