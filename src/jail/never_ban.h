#pragma once

#include "jail/decision.h"
#include "net/address.h"

#include <cstddef>
#include <vector>

namespace warder::jail {

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

  // kNone: may be banned. Unbannable classes (net::IpAddress::is_bannable) are always in.
  IgnoreReason reason(const net::Prefix& address) const;
  // Would a ban of `prefix` hit anyone in the set?
  bool touches(const net::Prefix& prefix) const;
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;            // sorted by address
  std::vector<std::uint8_t> lengths_v4_;  // in use
  std::vector<std::uint8_t> lengths_v6_;
};

}  // namespace warder::jail
