#include "firewall/protection.h"

#include "firewall/host_addresses.h"
#include "firewall/login_sessions.h"
#include "firewall/tcp_peers.h"

#include <algorithm>

namespace warder::firewall {
namespace {

bool meets(const net::Prefix& a, const net::Prefix& b) { return a.contains(b) || b.contains(a); }

net::Prefix reserved(std::string_view text) { return net::Prefix::parse(text).value(); }

// What net::IpAddress::is_bannable() says of single addresses, as prefixes.
const std::vector<net::Prefix>& reserved_prefixes() {
  static const std::vector<net::Prefix> kAll{
      reserved("0.0.0.0/8"),   reserved("127.0.0.0/8"), reserved("169.254.0.0/16"),
      reserved("224.0.0.0/4"), reserved("240.0.0.0/4"), reserved("::"),
      reserved("::1"),         reserved("fe80::/10"),   reserved("ff00::/8")};
  return kAll;
}

}  // namespace

struct Protection::State {
  ProtectionOptions options;
  HostAddresses host;
  LoginSessions sessions;
  std::vector<net::IpAddress> ssh_peers;

  util::Status refresh_ssh_peers();
  std::optional<Objection> find(const std::vector<net::IpAddress>& addresses, Reason reason,
                                const net::Prefix& prefix) const;
};

util::Result<std::unique_ptr<Protection>> Protection::open(const ProtectionOptions& options) {
  WARDER_ASSIGN_OR_RETURN(auto host, HostAddresses::open());
  auto state = std::make_unique<State>(
      State{options, std::move(host), LoginSessions(options.sessions_folder, options.utmp), {}});
  std::unique_ptr<Protection> protection(new Protection(std::move(state)));
  WARDER_RETURN_IF_ERROR(protection->refresh());
  return protection;
}

Protection::Protection(std::unique_ptr<State> state) : state_(std::move(state)) {}

Protection::~Protection() = default;

util::Status Protection::State::refresh_ssh_peers() {
  sessions.refresh();
  ssh_peers.clear();
  const auto& logins = sessions.peers();
  if (sessions.is_known() && logins.empty()) {
    return {};
  }
  // A session without a connection is a leftover.
  return visit_tcp_peers([&](std::uint16_t local_port, const net::IpAddress& remote) {
    const bool counts =
        sessions.is_known()
            ? std::find(logins.begin(), logins.end(), remote) != logins.end()
            : std::any_of(options.ssh_ports.begin(), options.ssh_ports.end(),
                          [&](const net::PortRange& range) {
                            return range.first <= local_port && local_port <= range.last;
                          });
    if (counts && std::find(ssh_peers.begin(), ssh_peers.end(), remote) == ssh_peers.end()) {
      ssh_peers.push_back(remote);
    }
  });
}

util::Status Protection::refresh() {
  WARDER_RETURN_IF_ERROR(state_->host.refresh());
  return state_->refresh_ssh_peers();
}

std::optional<Protection::Objection> Protection::State::find(
    const std::vector<net::IpAddress>& addresses, Reason reason, const net::Prefix& prefix) const {
  for (const net::IpAddress& address : addresses) {
    if (prefix.contains(address)) {
      return Objection{reason, net::Prefix(address)};
    }
  }
  return std::nullopt;
}

std::optional<Protection::Objection> Protection::verdict(const net::Prefix& prefix) const {
  for (const net::Prefix& none : reserved_prefixes()) {
    if (meets(prefix, none)) {
      return Objection{Reason::kNotBannable, none};
    }
  }
  const unsigned shortest = prefix.family() == net::Family::kIpv4 ? state_->options.min_prefix_v4
                                                                  : state_->options.min_prefix_v6;
  if (prefix.length() < shortest) {
    return Objection{Reason::kTooShort, std::nullopt};
  }
  if (auto objection = state_->find(state_->host.own(), Reason::kOwnAddress, prefix)) {
    return objection;
  }
  if (auto objection = state_->find(state_->host.gateways(), Reason::kGateway, prefix)) {
    return objection;
  }
  for (const net::Prefix& never : state_->options.never_ban) {
    if (meets(prefix, never)) {
      return Objection{Reason::kConfigured, never};
    }
  }
  return state_->find(state_->ssh_peers, Reason::kSshPeer, prefix);
}

std::vector<std::pair<net::Prefix, Reason>> Protection::entries() const {
  std::vector<std::pair<net::Prefix, Reason>> all;
  for (const net::Prefix& never : state_->options.never_ban) {
    all.emplace_back(never, Reason::kConfigured);
  }
  const auto add = [&](const std::vector<net::IpAddress>& addresses, Reason reason) {
    for (const net::IpAddress& address : addresses) {
      all.emplace_back(net::Prefix(address), reason);
    }
  };
  add(state_->host.own(), Reason::kOwnAddress);
  add(state_->host.gateways(), Reason::kGateway);
  add(state_->ssh_peers, Reason::kSshPeer);
  return all;
}

}  // namespace warder::firewall
