#pragma once

#include "jail/decision.h"
#include "net/address.h"

#include <cstddef>
#include <vector>

namespace warder::jail {

// Whom no jail may ban, as the engine knows it at the moment.
struct HostAddresses {
  std::vector<net::Prefix> own;        // of the interfaces; used when ignoreself
  std::vector<net::Prefix> proxies;    // trusted proxies
  std::vector<net::Prefix> never_ban;  // gateway, vault, the administrator's SSH peer, ...
};

// Who is never banned, and why: a set of prefixes, cheap to ask for each finding whatever its size.
// A value; immutable once made.
class NeverBan {
 public:
  NeverBan() = default;
  struct Entry {
    net::Prefix address;
    IgnoreReason reason = IgnoreReason::kNeverBan;
  };
  explicit NeverBan(std::vector<Entry> entries);
  // Of the host, and what a jail ignores beside.
  explicit NeverBan(const HostAddresses& host, const std::vector<net::Prefix>& ignoreip = {});

  // kNone: may be banned. Unbannable classes (net::IpAddress::is_bannable) are always in.
  IgnoreReason reason(const net::Prefix& address) const;
  // Whom a ban of `prefix` would hit: itself or somebody within; kNone when nobody of the set.
  IgnoreReason hit_by(const net::Prefix& prefix) const;
  bool touches(const net::Prefix& prefix) const { return hit_by(prefix) != IgnoreReason::kNone; }
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;            // sorted by address
  std::vector<std::uint8_t> lengths_v4_;  // in use
  std::vector<std::uint8_t> lengths_v6_;
};

}  // namespace warder::jail
