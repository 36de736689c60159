#include "firewall/protection.h"

#include "firewall/host_addresses.h"
#include "firewall/login_sessions.h"
#include "firewall/tcp_peers.h"
#include "net/address_number.h"

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

net::AddressNumber last_of(const net::Prefix& prefix) {
  const net::AddressNumber first = net::number_of(prefix.address());
  const unsigned fixed = prefix.length();
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  return {fixed < 64 ? first.high | kOnes >> fixed : first.high,
          fixed < 64    ? kOnes
          : fixed < 128 ? first.low | kOnes >> (fixed - 64)
                        : first.low};
}

// What a list of prefixes covers, as ranges in order that do not touch each other: to ask a list of
// thousands for each of a million bans that are put back takes longer than the kernel does.
class Covered {
 public:
  explicit Covered(const std::vector<net::Prefix>& prefixes) {
    std::vector<Range> all;
    all.reserve(prefixes.size());
    for (const net::Prefix& prefix : prefixes) {
      all.push_back({prefix.family(), net::number_of(prefix.address()), last_of(prefix)});
    }
    std::sort(all.begin(), all.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    for (const Range& range : all) {
      std::vector<Range>& ranges = of(range.family);
      if (!ranges.empty() && range.first <= ranges.back().last) {
        ranges.back().last = std::max(ranges.back().last, range.last);
      } else {
        ranges.push_back(range);
      }
    }
  }

  bool meets(const net::Prefix& prefix) const {
    const std::vector<Range>& ranges = prefix.family() == net::Family::kIpv4 ? v4_ : v6_;
    const net::AddressNumber first = net::number_of(prefix.address());
    // The first range that does not end before the prefix begins.
    const auto range = std::lower_bound(
        ranges.begin(), ranges.end(), first,
        [](const Range& one, const net::AddressNumber& place) { return one.last < place; });
    return range != ranges.end() && range->first <= last_of(prefix);
  }

 private:
  struct Range {
    net::Family family;
    net::AddressNumber first;
    net::AddressNumber last;
  };

  std::vector<Range>& of(net::Family family) { return family == net::Family::kIpv4 ? v4_ : v6_; }

  std::vector<Range> v4_;
  std::vector<Range> v6_;
};

Covered covered_by(const std::vector<net::Prefix>& never_ban) {
  std::vector<net::Prefix> all = reserved_prefixes();
  all.insert(all.end(), never_ban.begin(), never_ban.end());
  return Covered(all);
}

}  // namespace

struct Protection::State {
  ProtectionOptions options;
  Covered fixed;  // reserved or configured
  HostAddresses host;
  LoginSessions sessions;
  std::vector<net::IpAddress> ssh_peers;

  util::Status refresh_ssh_peers();
  std::optional<Objection> find(const std::vector<net::IpAddress>& addresses, Reason reason,
                                const net::Prefix& prefix) const;
};

util::Result<std::unique_ptr<Protection>> Protection::open(const ProtectionOptions& options) {
  WARDER_ASSIGN_OR_RETURN(auto host, HostAddresses::open());
  auto state = std::make_unique<State>(State{options,
                                             covered_by(options.never_ban),
                                             std::move(host),
                                             LoginSessions(options.sessions_folder, options.utmp),
                                             {}});
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
  const bool is_covered = state_->fixed.meets(prefix);
  if (is_covered) {
    for (const net::Prefix& none : reserved_prefixes()) {
      if (meets(prefix, none)) {
        return Objection{Reason::kNotBannable, none};
      }
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
  if (is_covered) {
    for (const net::Prefix& never : state_->options.never_ban) {
      if (meets(prefix, never)) {
        return Objection{Reason::kConfigured, never};
      }
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
