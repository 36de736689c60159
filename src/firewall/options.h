#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "firewall/netlink_firewall.h"
#include "firewall/protection.h"

#include <cstdint>
#include <filesystem>

namespace warder::firewall {

// In the order of the choices of the key `backend`.
enum class Backend : std::uint8_t {
  kHelper,    // the kernel, through the helper process
  kNftables,  // the kernel, from the agent's own process; needs CAP_NET_ADMIN there
  kNone,      // nothing is put into effect
};

// Section [firewall]. The agent reads it for `backend` and `helper_socket`, the helper for the
// rest: what protects addresses is never sent over the socket.
struct Options {
  Backend backend = Backend::kHelper;
  std::filesystem::path helper_socket;
  NetlinkOptions netlink;
  ProtectionOptions protection;
};

const config::Table& options_table();
Options read_options(const config::Values& values);

}  // namespace warder::firewall
