#include "jail/ban_table.h"

#include "jail/slot_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <unordered_map>

namespace warder::jail {
namespace {

using Seconds = std::uint32_t;
constexpr Seconds kNever = std::numeric_limits<Seconds>::max();

constexpr std::uint8_t kObserved = 1;
constexpr std::uint8_t kWide = 2;

// What many bans have in common.
struct Kind {
  JailIndex jail;
  std::uint8_t length;
  std::uint8_t flags;
  friend bool operator==(const Kind&, const Kind&) = default;
};

// The kinds there are, by number: a slot needs two bytes for one instead of four. A handful a jail,
// and none is forgotten.
class Kinds {
 public:
  static constexpr std::uint16_t kNone = 0;

  // kNone when there are no numbers left (65,535 kinds).
  std::uint16_t number(const Kind& kind) {
    if (latest_ != kNone && (*this)[latest_] == kind) {
      return latest_;
    }
    const auto known = numbers_.find(packed(kind));
    if (known != numbers_.end()) {
      latest_ = known->second;
    } else if (kinds_.size() < std::numeric_limits<std::uint16_t>::max()) {
      kinds_.push_back(kind);
      latest_ = static_cast<std::uint16_t>(kinds_.size());
      numbers_.emplace(packed(kind), latest_);
    } else {
      return kNone;
    }
    return latest_;
  }
  const Kind& operator[](std::uint16_t number) const { return kinds_[number - 1U]; }
  std::size_t memory() const {
    constexpr std::size_t kNode = 32;
    return kinds_.capacity() * sizeof(Kind) + numbers_.size() * kNode;
  }

 private:
  static std::uint32_t packed(const Kind& kind) {
    return static_cast<std::uint32_t>(kind.jail) << 16U |
           static_cast<std::uint32_t>(kind.length) << 8U | kind.flags;
  }

  std::vector<Kind> kinds_;
  std::unordered_map<std::uint32_t, std::uint16_t> numbers_;
  std::uint16_t latest_ = kNone;
};

// What a slot holds; `Bytes` of the address are kept, the rest is zero. Halves of an end, so that
// it is aligned to two bytes and has no gap.
template <std::size_t Bytes>
struct BanSlot {
  std::array<std::uint8_t, Bytes> address;
  std::array<std::uint16_t, 2> end_halves;
  std::uint16_t kind_number;

  static bool used(const std::byte* bytes) {
    constexpr std::size_t kKind = sizeof(BanSlot) - sizeof(std::uint16_t);  // the last member
    return bytes[kKind] != std::byte{0} || bytes[kKind + 1] != std::byte{0};
  }
  Kind kind(const Kinds& kinds) const { return kinds[kind_number]; }
  // False when there is no number for it.
  bool set_kind(Kinds& kinds, const Kind& kind) {
    kind_number = kinds.number(kind);
    return kind_number != Kinds::kNone;
  }
  Seconds end() const {
    return static_cast<Seconds>(end_halves[1]) << 16U | static_cast<Seconds>(end_halves[0]);
  }
  void set_end(Seconds end) {
    end_halves = {static_cast<std::uint16_t>(end & 0xFFFFU),
                  static_cast<std::uint16_t>(end >> 16U)};
  }
};

// What nearly all bans are: an IPv4 address alone, by one of the first jails. One byte less for
// each, which is a megabyte with a million of them. Bytes, so that it has no gap.
struct HostSlot {
  static constexpr JailIndex kJails = 63;  // with two bits of flags they fit one byte

  std::array<std::uint8_t, 4> address;
  std::array<std::uint8_t, sizeof(Seconds)> end_bytes;
  std::uint8_t code;  // 1 + 4 * jail + flags

  static bool holds(JailIndex jail, const net::Prefix& prefix) {
    return jail < kJails && prefix.family() == net::Family::kIpv4 && prefix.is_single();
  }
  static bool used(const std::byte* bytes) { return bytes[sizeof(HostSlot) - 1] != std::byte{0}; }
  Kind kind(const Kinds& /*kinds*/) const {
    const unsigned both = code - 1U;
    return {static_cast<JailIndex>(both >> 2U), 32, static_cast<std::uint8_t>(both & 3U)};
  }
  bool set_kind(Kinds& /*kinds*/, const Kind& kind) {
    code = static_cast<std::uint8_t>(1U + (static_cast<unsigned>(kind.jail) << 2U) + kind.flags);
    return true;
  }
  Seconds end() const {
    Seconds end = 0;
    std::memcpy(&end, end_bytes.data(), sizeof end);
    return end;
  }
  void set_end(Seconds end) { std::memcpy(end_bytes.data(), &end, sizeof end); }
};
static_assert(sizeof(HostSlot) == 9);
static_assert((kObserved | kWide) == 3);

using Ipv4Slot = BanSlot<4>;
using NetworkSlot = BanSlot<8>;  // IPv6, up to 64 bits
using LongSlot = BanSlot<16>;
static_assert(sizeof(Ipv4Slot) == 10);
static_assert(sizeof(NetworkSlot) == 14);
static_assert(sizeof(LongSlot) == 22);

template <typename Slot>
Slot load(const std::byte* bytes) {
  Slot slot;
  std::memcpy(&slot, bytes, sizeof slot);
  return slot;
}
template <typename Slot>
void store(std::byte* bytes, const Slot& slot) {
  std::memcpy(bytes, &slot, sizeof slot);
}

template <typename Slot>
net::Prefix prefix_of(const Slot& slot, unsigned length) {
  if constexpr (sizeof slot.address == 4) {
    const auto& b = slot.address;
    return {net::IpAddress::v4(static_cast<std::uint32_t>(b[0]) << 24U |
                               static_cast<std::uint32_t>(b[1]) << 16U |
                               static_cast<std::uint32_t>(b[2]) << 8U | b[3]),
            length};
  } else {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(slot.address.begin(), slot.address.end(), bytes.begin());
    return {net::IpAddress::v6(bytes), length};
  }
}

// Layout for SlotTable. The hash is of the prefix only, so that the bans of one prefix by several
// jails are neighbours.
template <typename Slot>
struct BanLayout {
  HashKey key;
  const Kinds* kinds;

  std::size_t slot_bytes() const { return sizeof(Slot); }
  bool used(const std::byte* bytes) const { return Slot::used(bytes); }
  std::uint64_t hash(const std::byte* bytes) const {
    const Slot slot = load<Slot>(bytes);
    return hash_prefix(key, prefix_of(slot, slot.kind(*kinds).length));
  }
};

// How many bans there are a family of 256 siblings, by the hash of the family: a counting filter,
// so what it says may be too much, but never too little.
class SiblingFilter {
 public:
  void add(std::uint64_t family) {
    if (cells_ == nullptr) {
      cells_ = std::make_unique<std::uint8_t[]>(kCells);
    }
    std::uint8_t& cell = cells_[family % kCells];
    cell = static_cast<std::uint8_t>(cell == kFull ? kFull : cell + 1);
  }
  void remove(std::uint64_t family) {
    std::uint8_t& cell = cells_[family % kCells];
    // A cell that was full once has lost count and stays.
    cell = static_cast<std::uint8_t>(cell == kFull ? kFull : cell - 1);
  }
  std::size_t at_most(std::uint64_t family) const {
    const std::size_t count = cells_ == nullptr ? 0 : cells_[family % kCells];
    return count == kFull ? std::numeric_limits<std::size_t>::max() : count;
  }
  std::size_t memory() const { return cells_ == nullptr ? 0 : kCells; }

 private:
  static constexpr std::size_t kCells = std::size_t{1} << 18U;
  static constexpr std::uint8_t kFull = 0xFF;
  std::unique_ptr<std::uint8_t[]> cells_;
};

// The lengths that bans have, so that a look-up tries only those.
class LengthsInUse {
 public:
  void add(unsigned length) {
    if (counts_[length]++ == 0) {
      lengths_.insert(std::lower_bound(lengths_.begin(), lengths_.end(), length),
                      static_cast<std::uint8_t>(length));
    }
  }
  void remove(unsigned length) {
    if (--counts_[length] == 0) {
      lengths_.erase(std::lower_bound(lengths_.begin(), lengths_.end(), length));
    }
  }
  // Ascending.
  const std::vector<std::uint8_t>& list() const { return lengths_; }

 private:
  std::array<std::size_t, 129> counts_{};
  std::vector<std::uint8_t> lengths_;
};

// The bans of one slot size, with the earliest end of each segment as a lower bound.
template <typename Slot>
struct Part {
  using SlotType = Slot;
  SlotTable<BanLayout<Slot>> table;
  std::vector<Seconds> earliest;
  std::size_t cursor = 0;  // where expire() goes on

  Part(const HashKey& key, const Kinds& all_kinds, std::size_t capacity)
      : table(BanLayout<Slot>{key, &all_kinds}, capacity), earliest(table.segments(), kNever) {}

  std::byte* find(std::uint64_t hash, JailIndex jail, const net::Prefix& prefix) const {
    return table.find(hash, [&](const std::byte* bytes) {
      const Slot slot = load<Slot>(bytes);
      return kind_of(slot).jail == jail && same_prefix(slot, prefix);
    });
  }
  template <typename Visit>
  void visit_holders(std::uint64_t hash, const net::Prefix& prefix, Visit visit) const {
    table.find(hash, [&](const std::byte* bytes) {
      const Slot slot = load<Slot>(bytes);
      if (same_prefix(slot, prefix)) {
        visit(slot);
      }
      return false;
    });
  }
  Kind kind_of(const Slot& slot) const { return slot.kind(*table.layout().kinds); }
  // Of the part's family.
  bool same_prefix(const Slot& slot, const net::Prefix& prefix) const {
    return kind_of(slot).length == prefix.length() &&
           std::equal(slot.address.begin(), slot.address.end(), prefix.address().bytes().begin());
  }
  void note_end(std::uint64_t hash, Seconds end) {
    Seconds& bound = earliest[table.segment_of(hash)];
    bound = std::min(bound, end);
  }
};

}  // namespace

struct BanTable::Impl {
  Impl(const HashKey& hash_key, std::size_t most)
      : key(hash_key),
        capacity(most),
        hosts(hash_key, kinds, most),
        ipv4(hash_key, kinds, most),
        networks(hash_key, kinds, most),
        longs(hash_key, kinds, most) {}

  HashKey key;
  std::size_t capacity;
  Kinds kinds;
  Part<HostSlot> hosts;
  Part<Ipv4Slot> ipv4;
  Part<NetworkSlot> networks;
  Part<LongSlot> longs;
  LengthsInUse lengths_v4;
  LengthsInUse lengths_v6;
  SiblingFilter siblings;
  struct PerJail {
    std::size_t bans = 0;
    std::size_t wide = 0;
  };
  std::vector<PerJail> jails;
  // Ends are kept as wall time plus shift(), which goes on steadily when the wall clock is set.
  std::chrono::microseconds stepped{0};

  std::chrono::seconds shift() const { return std::chrono::round<std::chrono::seconds>(stepped); }
  std::size_t size() const {
    return hosts.table.size() + ipv4.table.size() + networks.table.size() + longs.table.size();
  }

  Seconds to_internal(const std::optional<util::WallTime>& end) const {
    if (!end) {
      return kNever;
    }
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(end->time_since_epoch() + shift()).count();
    return static_cast<Seconds>(std::clamp<std::int64_t>(seconds, 0, kNever - 1));
  }
  std::optional<util::WallTime> to_wall(Seconds end) const {
    if (end == kNever) {
      return std::nullopt;
    }
    return util::WallTime(std::chrono::seconds(end)) - shift();
  }
  // Seconds that have passed for certain at `now`.
  Seconds passed(util::WallTime now) const {
    const auto seconds =
        std::chrono::floor<std::chrono::seconds>(now.time_since_epoch() + shift()).count();
    return static_cast<Seconds>(std::clamp<std::int64_t>(seconds, 0, kNever - 1));
  }

  template <typename Slot>
  ActiveBan to_ban(const Slot& slot) const {
    const Kind kind = slot.kind(kinds);
    return {kind.jail, prefix_of(slot, kind.length), to_wall(slot.end()),
            (kind.flags & kObserved) != 0, (kind.flags & kWide) != 0};
  }

  // Calls `action` with the part that holds this jail's bans of prefixes like this one.
  template <typename Self, typename Action>
  static auto with_part(Self& self, JailIndex jail, const net::Prefix& prefix, Action action) {
    if (HostSlot::holds(jail, prefix)) {
      return action(self.hosts);
    }
    if (prefix.family() == net::Family::kIpv4) {
      return action(self.ipv4);
    }
    return prefix.length() <= 64 ? action(self.networks) : action(self.longs);
  }
  template <typename Self, typename Action>
  static void with_each_part(Self& self, Action action) {
    action(self.hosts);
    action(self.ipv4);
    action(self.networks);
    action(self.longs);
  }

  LengthsInUse& lengths(net::Family family) {
    return family == net::Family::kIpv4 ? lengths_v4 : lengths_v6;
  }
  std::uint64_t family_of(JailIndex jail, const net::Prefix& prefix) const {
    constexpr unsigned kBits = 8;
    const unsigned length = prefix.length() > kBits ? prefix.length() - kBits : 0;
    return hash_prefix(key, net::Prefix(prefix.address(), length)) + jail;
  }
  void count_in(JailIndex jail, const net::Prefix& prefix, bool wide) {
    lengths(prefix.family()).add(prefix.length());
    siblings.add(family_of(jail, prefix));
    if (jail >= jails.size()) {
      jails.resize(jail + std::size_t{1});
    }
    ++jails[jail].bans;
    jails[jail].wide += wide ? 1 : 0;
  }
  void count_out(JailIndex jail, const net::Prefix& prefix, bool wide) {
    lengths(prefix.family()).remove(prefix.length());
    siblings.remove(family_of(jail, prefix));
    --jails[jail].bans;
    jails[jail].wide -= wide ? 1 : 0;
  }

  template <typename Slot>
  Added add_to(Part<Slot>& part, const ActiveBan& ban) {
    const std::uint64_t hash = hash_prefix(key, ban.address);
    const Seconds end = to_internal(ban.end);
    if (std::byte* found = part.find(hash, ban.jail, ban.address); found != nullptr) {
      Slot slot = load<Slot>(found);
      Kind kind = slot.kind(kinds);
      const bool enforced = (kind.flags & kObserved) != 0 && !ban.observed;
      if (end <= slot.end() && !enforced) {
        return Added::kUnchanged;
      }
      if (enforced) {
        kind.flags = static_cast<std::uint8_t>(kind.flags & ~kObserved);
        if (!slot.set_kind(kinds, kind)) {
          return Added::kFull;
        }
      }
      slot.set_end(end);
      store(found, slot);
      part.note_end(hash, end);
      return enforced ? Added::kNew : Added::kExtended;
    }
    Slot slot{};
    const bool has_kind = slot.set_kind(
        kinds,
        {ban.jail, static_cast<std::uint8_t>(ban.address.length()),
         static_cast<std::uint8_t>((ban.observed ? kObserved : 0) | (ban.wide ? kWide : 0))});
    std::byte* free = has_kind && size() < capacity ? part.table.insert(hash) : nullptr;
    if (free == nullptr) {
      return Added::kFull;
    }
    std::copy_n(ban.address.address().bytes().begin(), slot.address.size(), slot.address.begin());
    slot.set_end(end);
    store(free, slot);
    part.note_end(hash, end);
    count_in(ban.jail, ban.address, ban.wide);
    return Added::kNew;
  }

  // Removes all that has ended in one segment.
  template <typename Slot>
  void expire_segment(Part<Slot>& part, std::size_t segment, Seconds now,
                      std::vector<ActiveBan>& ended) {
    if (part.earliest[segment] > now) {
      return;
    }
    Seconds earliest = kNever;
    part.table.for_each_in(segment, [&](const std::byte* bytes) {
      const Slot slot = load<Slot>(bytes);
      if (slot.end() <= now) {
        ended.push_back(to_ban(slot));
      } else {
        earliest = std::min(earliest, slot.end());
      }
    });
    part.earliest[segment] = earliest;
    part.table.sweep(segment,
                     [&](const std::byte* bytes) { return load<Slot>(bytes).end() > now; });
  }

  template <typename Slot>
  std::size_t expire_in(Part<Slot>& part, Seconds now, std::size_t limit,
                        const std::function<void(const ActiveBan&)>& visit) {
    std::size_t count = 0;
    std::vector<ActiveBan> ended;
    for (std::size_t i = 0; i < part.table.segments() && count < limit; ++i) {
      ended.clear();
      expire_segment(part, part.cursor, now, ended);
      part.cursor = part.cursor + 1 == part.table.segments() ? 0 : part.cursor + 1;
      count += ended.size();
      for (const ActiveBan& ban : ended) {
        count_out(ban.jail, ban.address, ban.wide);
      }
      for (const ActiveBan& ban : ended) {
        visit(ban);
      }
    }
    return count;
  }

  template <typename Slot>
  void remove_jail_from(Part<Slot>& part, JailIndex jail, std::vector<ActiveBan>& removed) {
    for (std::size_t segment = 0; segment < part.table.segments(); ++segment) {
      part.table.for_each_in(segment, [&](const std::byte* bytes) {
        if (const Slot slot = load<Slot>(bytes); part.kind_of(slot).jail == jail) {
          removed.push_back(to_ban(slot));
        }
      });
      part.table.sweep(segment, [&](const std::byte* bytes) {
        return part.kind_of(load<Slot>(bytes)).jail != jail;
      });
    }
  }

  template <typename Visit>
  void visit_holders(const net::Prefix& prefix, Visit visit) const {
    const std::uint64_t hash = hash_prefix(key, prefix);
    const auto visit_in = [&](const auto& part) {
      part.visit_holders(hash, prefix, [&](const auto& slot) { visit(to_ban(slot)); });
    };
    if (HostSlot::holds(0, prefix)) {
      visit_in(hosts);  // the other jails' are in ipv4
    }
    with_part(*this, HostSlot::kJails, prefix, visit_in);
  }

  // Calls visit(prefix) for `address` and each prefix around it whose length is in use, the widest
  // first, until it answers true.
  template <typename Visit>
  void visit_around(const net::Prefix& address, Visit visit) const {
    const LengthsInUse& used = address.family() == net::Family::kIpv4 ? lengths_v4 : lengths_v6;
    for (const std::uint8_t length : used.list()) {
      if (length > address.length() || visit(net::Prefix(address.address(), length))) {
        return;
      }
    }
  }

  std::optional<ActiveBan> find(JailIndex jail, const net::Prefix& prefix) const {
    const std::uint64_t hash = hash_prefix(key, prefix);
    return with_part(*this, jail, prefix, [&](const auto& part) -> std::optional<ActiveBan> {
      using Slot = typename std::remove_cvref_t<decltype(part)>::SlotType;
      const std::byte* found = part.find(hash, jail, prefix);
      return found == nullptr ? std::nullopt : std::optional(to_ban(load<Slot>(found)));
    });
  }
};

BanTable::BanTable(const HashKey& key, std::size_t capacity)
    : impl_(std::make_unique<Impl>(key, capacity)) {}
BanTable::~BanTable() = default;
BanTable::BanTable(BanTable&&) noexcept = default;
BanTable& BanTable::operator=(BanTable&&) noexcept = default;

BanTable::Added BanTable::add(const ActiveBan& ban) {
  return Impl::with_part(*impl_, ban.jail, ban.address,
                         [&](auto& part) { return impl_->add_to(part, ban); });
}

void BanTable::reserve(std::size_t ipv4, std::size_t ipv6) {
  // Nearly all are of single addresses, by the first jails, and of networks.
  impl_->hosts.table.reserve(ipv4);
  impl_->networks.table.reserve(ipv6);
}

std::optional<ActiveBan> BanTable::remove(JailIndex jail, const net::Prefix& address) {
  const std::uint64_t hash = hash_prefix(impl_->key, address);
  return Impl::with_part(*impl_, jail, address, [&](auto& part) -> std::optional<ActiveBan> {
    using Slot = typename std::remove_cvref_t<decltype(part)>::SlotType;
    std::byte* found = part.find(hash, jail, address);
    if (found == nullptr) {
      return std::nullopt;
    }
    const ActiveBan ban = impl_->to_ban(load<Slot>(found));
    part.table.erase(found);
    impl_->count_out(ban.jail, ban.address, ban.wide);
    return ban;
  });
}

void BanTable::remove_jail(JailIndex jail, const std::function<void(const ActiveBan&)>& visit) {
  std::vector<ActiveBan> removed;
  Impl::with_each_part(*impl_, [&](auto& part) { impl_->remove_jail_from(part, jail, removed); });
  for (const ActiveBan& ban : removed) {
    impl_->count_out(ban.jail, ban.address, ban.wide);
  }
  for (const ActiveBan& ban : removed) {
    visit(ban);
  }
}

std::optional<ActiveBan> BanTable::find(JailIndex jail, const net::Prefix& address) const {
  return impl_->find(jail, address);
}

std::optional<ActiveBan> BanTable::covering(JailIndex jail, const net::Prefix& address,
                                            util::WallTime now) const {
  std::optional<ActiveBan> found;
  impl_->visit_around(address, [&](const net::Prefix& prefix) {
    found = impl_->find(jail, prefix);
    if (found && found->end && *found->end <= now) {
      found.reset();
    }
    return found.has_value();
  });
  return found;
}

std::vector<ActiveBan> BanTable::all_covering(const net::Prefix& address) const {
  std::vector<ActiveBan> bans;
  impl_->visit_around(address, [&](const net::Prefix& prefix) {
    impl_->visit_holders(prefix, [&](const ActiveBan& ban) { bans.push_back(ban); });
    return false;
  });
  return bans;
}

std::vector<ActiveBan> BanTable::holders(const net::Prefix& address) const {
  std::vector<ActiveBan> bans;
  impl_->visit_holders(address, [&](const ActiveBan& ban) { bans.push_back(ban); });
  return bans;
}

std::size_t BanTable::siblings_at_most(JailIndex jail, const net::Prefix& address) const {
  return impl_->siblings.at_most(impl_->family_of(jail, address));
}

std::size_t BanTable::expire(util::WallTime now, std::size_t limit,
                             const std::function<void(const ActiveBan&)>& visit) {
  const Seconds seconds = impl_->passed(now);
  std::size_t count = 0;
  Impl::with_each_part(*impl_, [&](auto& part) {
    count += impl_->expire_in(part, seconds, limit - std::min(limit, count), visit);
  });
  return count;
}

std::size_t BanTable::pieces() const {
  std::size_t all = 0;
  Impl::with_each_part(*impl_, [&](const auto& part) { all += part.table.segments(); });
  return all;
}

void BanTable::for_each_in(std::size_t piece,
                           const std::function<void(const ActiveBan&)>& visit) const {
  std::size_t first = 0;  // of the part's pieces
  Impl::with_each_part(*impl_, [&](const auto& part) {
    using Slot = typename std::remove_cvref_t<decltype(part)>::SlotType;
    const std::size_t segments = part.table.segments();
    if (piece >= first && piece - first < segments) {
      part.table.for_each_in(
          piece - first, [&](const std::byte* bytes) { visit(impl_->to_ban(load<Slot>(bytes))); });
    }
    first += segments;
  });
}

void BanTable::for_each(const std::function<void(const ActiveBan&)>& visit) const {
  for (std::size_t piece = 0; piece < pieces(); ++piece) {
    for_each_in(piece, visit);
  }
}

void BanTable::clock_stepped(std::chrono::microseconds by) { impl_->stepped -= by; }

std::size_t BanTable::size() const { return impl_->size(); }
std::size_t BanTable::size(JailIndex jail) const {
  return jail < impl_->jails.size() ? impl_->jails[jail].bans : 0;
}
std::size_t BanTable::wide(JailIndex jail) const {
  return jail < impl_->jails.size() ? impl_->jails[jail].wide : 0;
}
std::size_t BanTable::capacity() const { return impl_->capacity; }
std::size_t BanTable::memory() const {
  std::size_t bytes = impl_->siblings.memory() + impl_->kinds.memory();
  Impl::with_each_part(*impl_, [&](const auto& part) {
    bytes += part.table.memory() + part.earliest.size() * sizeof(Seconds);
  });
  return bytes;
}

}  // namespace warder::jail
