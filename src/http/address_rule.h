#pragma once

#include "net/address.h"

#include <optional>
#include <string_view>

namespace warder::http {

// Why a webhook must not be sent to this address: "loopback", "private", "link-local",
// "cloud metadata", "reserved"... Empty for a public address. An IPv4 address inside an IPv6 one
// (NAT64, 6to4, Teredo, IPv4-compatible) counts as that IPv4 address.
std::optional<std::string_view> not_public(const net::IpAddress& address);

}  // namespace warder::http
