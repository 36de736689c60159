#include "http/address_rule.h"

#include <array>
#include <span>
#include <string>

namespace warder::http {
namespace {

struct Rule {
  std::string_view prefix;
  std::string_view reason;
};

// Addresses of cloud metadata services outside the private and link-local ranges, and special
// ranges of the IANA registries that net::IpAddress does not name.
constexpr auto kRules = std::to_array<Rule>({
    {"168.63.129.16/32", "cloud metadata"},  // Azure
    {"192.0.0.0/24", "reserved"},            // RFC 6890; Oracle's old metadata address is in it
    {"0.0.0.0/8", "reserved"},               // "this network": Linux takes 0.x for the own host
    {"192.0.2.0/24", "reserved"},            // documentation
    {"198.51.100.0/24", "reserved"},         // documentation
    {"203.0.113.0/24", "reserved"},          // documentation
    {"192.88.99.0/24", "reserved"},          // 6to4 relays, withdrawn
    {"198.18.0.0/15", "reserved"},           // benchmarking
    {"100::/64", "reserved"},                // discard
    {"2001:db8::/32", "reserved"},           // documentation
    {"fec0::/10", "private"},                // site-local, withdrawn
});

// Where an IPv4 address stands in an IPv6 one.
struct Embedding {
  std::string_view prefix;
  std::size_t at;
  bool inverted;
};
constexpr auto kEmbeddings = std::to_array<Embedding>({
    {"64:ff9b::/96", 12, false},    // NAT64, RFC 6052
    {"64:ff9b:1::/48", 12, false},  // NAT64 of a local network, RFC 8215
    {"::/96", 12, false},           // IPv4-compatible, withdrawn
    {"2002::/16", 2, false},        // 6to4, RFC 3056
    {"2001::/32", 12, true},        // Teredo, RFC 4380: the client's address, inverted
});

bool in(std::string_view prefix, const net::IpAddress& address) {
  const auto parsed = net::Prefix::parse(prefix);
  return parsed && parsed->contains(address);
}

net::IpAddress embedded(const net::IpAddress& address, const Embedding& embedding) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8U) | address.bytes()[embedding.at + i];
  }
  return net::IpAddress::v4(embedding.inverted ? ~value : value);
}

// 169.254.169.254, where clouds give machines their credentials.
constexpr std::uint32_t kMetadata = 0xa9fea9fe;

}  // namespace

std::optional<std::string_view> not_public(const net::IpAddress& address) {
  if (address.is_loopback()) {
    return "loopback";
  }
  if (address.is_link_local()) {
    return address == net::IpAddress::v4(kMetadata) ? "cloud metadata" : "link-local";
  }
  if (address.is_private()) {
    return "private";
  }
  for (const Rule& rule : kRules) {
    if (in(rule.prefix, address)) {
      return rule.reason;
    }
  }
  if (!address.is_bannable()) {
    return "reserved";
  }
  if (address.is_v6()) {
    for (const Embedding& embedding : kEmbeddings) {
      if (in(embedding.prefix, address)) {
        return not_public(embedded(address, embedding));
      }
    }
  }
  return std::nullopt;
}

}  // namespace warder::http
