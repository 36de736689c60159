#pragma once

#include "firewall/netlink_firewall.h"
#include "firewall/protection.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <sys/types.h>

namespace warder::firewall {

// What `warder firewall-helper` is started with. Nothing of it can be changed over the socket.
struct HelperOptions {
  // Exactly one of the two: a path to listen on (the socket gets mode 0660 and the helper's own
  // user and group, so the caller must be in that group), or an already connected (--fd N)
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
  // Called once the helper can take requests, and then each `alive_every` (zero: never), for the
  // service manager's notifications. May be empty.
  std::function<void()> on_ready;
  std::function<void()> on_alive;
  std::chrono::milliseconds alive_every{0};
};

// The helper process's whole work: owns the kernel side, answers requests, forwards notices of
// outside changes, until SIGTERM or SIGINT arrives, or, with a connected inherited socket, until
// the other end closes it. Returns with the bans still in the kernel. Blocks; handles up to
// kMostHelperConnections callers at a time from one thread.
// kDenied with the remedy when CAP_NET_ADMIN is missing.
util::Status serve(const HelperOptions& options);

constexpr std::size_t kMostHelperConnections = 4;

}  // namespace warder::firewall
