#include "jail/never_ban.h"

#include <algorithm>
#include <utility>

namespace warder::jail {
namespace {

const net::IpAddress& loopback_v6() {
  static const net::IpAddress address =
      net::IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  return address;
}

std::vector<NeverBan::Entry> entries_of(const HostAddresses& host,
                                        const std::vector<net::Prefix>& ignoreip) {
  std::vector<NeverBan::Entry> entries;
  const auto add = [&](const std::vector<net::Prefix>& prefixes, IgnoreReason reason) {
    for (const net::Prefix& prefix : prefixes) {
      entries.push_back({prefix, reason});
    }
  };
  add(host.own, IgnoreReason::kOwnAddress);
  add(host.proxies, IgnoreReason::kProxy);
  add(host.never_ban, IgnoreReason::kNeverBan);
  add(ignoreip, IgnoreReason::kIgnoreip);
  return entries;
}

}  // namespace

NeverBan::NeverBan(const HostAddresses& host, const std::vector<net::Prefix>& ignoreip)
    : NeverBan(entries_of(host, ignoreip)) {}

NeverBan::NeverBan(std::vector<Entry> entries) : entries_(std::move(entries)) {
  // Of equal prefixes the first given reason stays.
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.address < b.address; });
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.address == b.address; }),
                 entries_.end());
  for (const Entry& entry : entries_) {
    auto& lengths = entry.address.family() == net::Family::kIpv4 ? lengths_v4_ : lengths_v6_;
    lengths.push_back(static_cast<std::uint8_t>(entry.address.length()));
  }
  for (auto* lengths : {&lengths_v4_, &lengths_v6_}) {
    std::sort(lengths->begin(), lengths->end());
    lengths->erase(std::unique(lengths->begin(), lengths->end()), lengths->end());
  }
}

IgnoreReason NeverBan::reason(const net::Prefix& address) const {
  if (!address.address().is_bannable()) {
    return IgnoreReason::kUnbannable;
  }
  const auto& lengths = address.family() == net::Family::kIpv4 ? lengths_v4_ : lengths_v6_;
  for (const std::uint8_t length : lengths) {
    if (length > address.length()) {
      break;
    }
    const net::Prefix around(address.address(), length);
    const auto found = std::lower_bound(
        entries_.begin(), entries_.end(), around,
        [](const Entry& entry, const net::Prefix& p) { return entry.address < p; });
    if (found != entries_.end() && found->address == around) {
      return found->reason;
    }
  }
  return IgnoreReason::kNone;
}

IgnoreReason NeverBan::hit_by(const net::Prefix& prefix) const {
  if (const IgnoreReason itself = reason(prefix); itself != IgnoreReason::kNone) {
    return itself;
  }
  // Prefixes sort by address first, so those within stand together.
  const auto first =
      std::lower_bound(entries_.begin(), entries_.end(), prefix,
                       [](const Entry& entry, const net::Prefix& p) { return entry.address < p; });
  if (first != entries_.end() && prefix.contains(first->address)) {
    return first->reason;
  }
  return prefix.contains(loopback_v6()) ? IgnoreReason::kUnbannable : IgnoreReason::kNone;
}

}  // namespace warder::jail
