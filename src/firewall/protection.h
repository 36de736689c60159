#pragma once

#include "firewall/firewall.h"
#include "net/port.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace warder::firewall {

struct ProtectionOptions {
  // Never banned, nor any prefix that contains or meets one of them: vault, proxies, the operator's
  // own networks.
  std::vector<net::Prefix> never_ban;
  // Shorter prefixes are refused.
  unsigned min_prefix_v4 = 16;
  unsigned min_prefix_v6 = 32;
  // Where logged-in people come from: systemd-logind's session files and utmp.
  std::filesystem::path sessions_folder = "/run/systemd/sessions";
  std::filesystem::path utmp = "/run/utmp";
  // Local ports of sshd; used only where neither of the two places exists.
  std::vector<net::PortRange> ssh_ports = {{22, 22}};
};

// Judges whether an address may be banned, at the moment of the question: reserved addresses, the
// addresses of this host's interfaces and its default gateways (rtnetlink, read again whenever the
// kernel says that they changed), the peers of administrators who are logged in, the configured
// list, and prefixes that are too short.
//
// An SSH peer counts when a login session names its address AND it has an established TCP
// connection to this host (sock_diag). A connection alone is not enough: everybody who tries
// passwords has one, and an idle connection to port 22 would make its owner unbannable. Only where
// the host has neither logind nor utmp does a connection to an SSH port count alone.
//
// Works in the network namespace in which it is made. One thread at a time.
class Protection {
 public:
  static util::Result<std::unique_ptr<Protection>> open(const ProtectionOptions& options);
  ~Protection();
  Protection(const Protection&) = delete;
  Protection& operator=(const Protection&) = delete;

  // To be called before a run of verdict(): takes in what changed since the last call. When the
  // kernel cannot be asked, nothing may be banned: the caller must refuse all.
  util::Status refresh();

  struct Objection {
    Reason reason;
    std::optional<net::Prefix> because;
  };
  // Empty: may be banned.
  std::optional<Objection> verdict(const net::Prefix& prefix) const;

  // Protected addresses and prefixes as of the last refresh(), for the operator.
  std::vector<std::pair<net::Prefix, Reason>> entries() const;

 private:
  struct State;
  explicit Protection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace warder::firewall
