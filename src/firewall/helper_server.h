#pragma once

#include "firewall/netlink_firewall.h"
#include "firewall/protection.h"

#include <filesystem>
#include <sys/types.h>

namespace warder::firewall {

// What `warder firewall-helper` is started with. Nothing of it can be changed over the socket.
struct HelperOptions {
  // Exactly one of the two: a path to listen on (made with mode 0660, owned by root or the helper's
  // user and the group of the caller's user), or an already connected (--fd N, from spawn_helper())
  // or listening (systemd socket unit) SOCK_SEQPACKET socket.
  std::filesystem::path listen;
  int inherited_fd = -1;
  // Only this user and root may give orders (SO_PEERCRED).
  uid_t allowed_uid = 0;
  NetlinkOptions netlink;
  ProtectionOptions protection;
  // Give up every capability but CAP_NET_ADMIN, and the chance to get any back, before the first
  // message is read.
  bool drop_capabilities = true;
};

// The helper process's whole work: owns the kernel side, answers requests, forwards notices of
// outside changes, until SIGTERM or SIGINT arrives, or, with a connected inherited socket, until
// the other end closes it. Returns with the bans still in the kernel. Blocks; handles up to
// kMostHelperConnections callers at a time from one thread.
// kDenied with the remedy when CAP_NET_ADMIN is missing.
util::Status serve(const HelperOptions& options);

constexpr std::size_t kMostHelperConnections = 4;

}  // namespace warder::firewall
