#include "firewall/options.h"

#include <array>
#include <string_view>

namespace warder::firewall {
namespace {

using config::Key;
using config::Type;

constexpr std::array<std::string_view, 3> kBackends{"helper", "nftables", "none"};
constexpr std::array<std::string_view, 2> kBlockTypes{"drop", "reject"};
constexpr std::array<std::string_view, 3> kCounters{"auto", "yes", "no"};
// With so many bans to put back their counters would take seconds.
constexpr std::uint32_t kMostCounted = 524'288;

constexpr std::array kKeys{
    Key{.name = "backend",
        .type = Type::kEnum,
        .fallback = "helper",
        .choices = kBackends,
        .change = config::Change::kRestart,
        .text = "How a ban is put into effect: 'helper' through the process "
                "warder-firewall.service, the only one that may change the firewall; 'nftables' "
                "from the agent itself, which then needs CAP_NET_ADMIN; 'none' not at all, for a "
                "trial.",
        .example = "nftables"},
    Key{.name = "helper_socket",
        .type = Type::kPath,
        .fallback = "/run/warder-firewall/socket",
        .change = config::Change::kRestart,
        .text = "Where the firewall helper listens.",
        .example = "/run/warder-firewall/socket"},
    Key{.name = "never_ban",
        .type = Type::kPrefixes,
        .fallback = "",
        .change = config::Change::kRestart,
        .text = "Addresses and prefixes that are never banned by any jail or command, nor any "
                "prefix that contains one: the vault, proxies, your own networks. Loopback and "
                "other reserved addresses, this host's own, its default gateways and the "
                "addresses from which somebody is logged in are on the list without being named.",
        .example = "192.0.2.10 2001:db8:5::/48"},
    Key{.name = "blocktype",
        .type = Type::kEnum,
        .fallback = "drop",
        .choices = kBlockTypes,
        .change = config::Change::kRestart,
        .text = "What a banned address hears: nothing (drop), or an ICMP message (reject).",
        .example = "reject"},
    Key{.name = "min_prefix_ipv4",
        .type = Type::kInteger,
        .fallback = "16",
        .least = "1",
        .most = "32",
        .change = config::Change::kRestart,
        .text = "An IPv4 prefix shorter than this is never banned.",
        .example = "24"},
    Key{.name = "min_prefix_ipv6",
        .type = Type::kInteger,
        .fallback = "32",
        .least = "1",
        .most = "128",
        .change = config::Change::kRestart,
        .text = "An IPv6 prefix shorter than this is never banned.",
        .example = "48"},
    Key{.name = "max_elements",
        .type = Type::kInteger,
        .fallback = "262144",
        .least = "1024",
        .most = "4194304",
        .change = config::Change::kRestart,
        .text = "The most bans that the kernel holds for each combination of ports and prefix "
                "length. Costs 16 bytes of kernel memory each from the first ban on, and about 200 "
                "more for a ban that is there. A changed number makes the sets anew.",
        .example = "65536"},
    Key{.name = "packet_counters",
        .type = Type::kEnum,
        .fallback = "auto",
        .choices = kCounters,
        .change = config::Change::kRestart,
        .text = "Whether the kernel counts the packets of each ban, for 'warder explain'. That "
                "makes a ban take more than twice as long to put in, so that with 'auto' it is "
                "done only with max_elements of up to 524288. A changed answer makes the sets "
                "anew.",
        .example = "no"},
    Key{.name = "ssh_ports",
        .type = Type::kPorts,
        .fallback = "22",
        .change = config::Change::kRestart,
        .text = "Local ports of sshd. Only used on a host that has neither systemd-logind nor "
                "utmp: there whoever is connected to one of them is not banned.",
        .example = "22,2222"},
};

constexpr config::Table kOptionsTable{
    .section = "firewall",
    .text = "How bans are put into effect, and whom they never reach.",
    .keys = kKeys,
};

}  // namespace

const config::Table& options_table() { return kOptionsTable; }

Options read_options(const config::Values& values) {
  Options options;
  options.backend = values.choice<Backend>("backend");
  options.helper_socket = values.path("helper_socket");
  if (values.has("never_ban")) {
    options.protection.never_ban = values.prefixes("never_ban");
  }
  options.netlink.block_type = values.choice<BlockType>("blocktype");
  options.netlink.max_elements = static_cast<std::uint32_t>(values.integer("max_elements"));
  const bool few = options.netlink.max_elements <= kMostCounted;
  const std::string_view counters = kCounters.at(values.choice_index("packet_counters"));
  options.netlink.counters = counters == "yes" || (counters == "auto" && few);
  options.protection.min_prefix_v4 = static_cast<unsigned>(values.integer("min_prefix_ipv4"));
  options.protection.min_prefix_v6 = static_cast<unsigned>(values.integer("min_prefix_ipv6"));
  options.protection.ssh_ports = values.ports("ssh_ports");
  return options;
}

}  // namespace warder::firewall
