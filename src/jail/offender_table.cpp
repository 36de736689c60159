#include "jail/offender_table.h"

#include "jail/slot_table.h"

#include <algorithm>
#include <limits>

namespace warder::jail {
namespace {

// The prefix is kept as its keyed hash: it need not be told back, and two of a million share one
// with a probability of 3e-8.
struct OffenderSlot {
  std::uint64_t hash;  // 0: unused
  std::uint32_t last;  // seconds since 1970
  JailIndex jail;
  std::uint16_t count;
};
static_assert(sizeof(OffenderSlot) == 16);

OffenderSlot load(const std::byte* bytes) {
  OffenderSlot slot;
  std::memcpy(&slot, bytes, sizeof slot);
  return slot;
}

struct OffenderLayout {
  std::size_t slot_bytes() const { return sizeof(OffenderSlot); }
  bool used(const std::byte* bytes) const { return load(bytes).hash != 0; }
  std::uint64_t hash(const std::byte* bytes) const { return load(bytes).hash; }
};

std::uint32_t to_seconds(util::WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

OffenderTable::History to_history(const OffenderSlot& slot) {
  return {slot.count, util::WallTime(std::chrono::seconds(slot.last))};
}

// How many neighbours are compared when one has to go.
constexpr std::size_t kReach = 16;

}  // namespace

struct OffenderTable::Impl {
  HashKey key;
  SlotTable<OffenderLayout> table;
  std::uint64_t evicted = 0;

  std::uint64_t hash(const net::Prefix& address) const {
    return std::max<std::uint64_t>(hash_prefix(key, address), 1);
  }
  std::byte* find(std::uint64_t hash, JailIndex jail) const {
    return table.find(hash, [&](const std::byte* bytes) {
      const OffenderSlot slot = load(bytes);
      return slot.hash == hash && slot.jail == jail;
    });
  }
  std::byte* make_room(std::uint64_t hash) {
    std::byte* free = table.insert(hash);
    if (free != nullptr) {
      return free;
    }
    std::byte* victim =
        table.victim(hash, kReach, [](const std::byte* left, const std::byte* right) {
          const OffenderSlot a = load(left);
          const OffenderSlot b = load(right);
          return a.count != b.count ? a.count < b.count : a.last < b.last;
        });
    ++evicted;
    if (victim == nullptr) {
      return nullptr;
    }
    table.erase(victim);
    return table.insert(hash);
  }
  void put(JailIndex jail, const net::Prefix& address, std::uint32_t count, std::uint32_t last) {
    const std::uint64_t wanted = hash(address);
    std::byte* place = find(wanted, jail);
    if (place == nullptr) {
      place = make_room(wanted);
    }
    if (place != nullptr) {
      const OffenderSlot slot{wanted, last, jail,
                              static_cast<std::uint16_t>(std::min<std::uint32_t>(count, 0xFFFF))};
      std::memcpy(place, &slot, sizeof slot);
    }
  }
};

OffenderTable::OffenderTable(const HashKey& key, std::size_t capacity)
    : impl_(std::make_unique<Impl>(Impl{key, {OffenderLayout{}, capacity}})) {}
OffenderTable::~OffenderTable() = default;
OffenderTable::OffenderTable(OffenderTable&&) noexcept = default;
OffenderTable& OffenderTable::operator=(OffenderTable&&) noexcept = default;

void OffenderTable::set_history(JailIndex jail, const net::Prefix& address,
                                const History& history) {
  impl_->put(jail, address, history.count, to_seconds(history.last));
}

void OffenderTable::add(JailIndex jail, const net::Prefix& address, util::WallTime start) {
  const auto before = find(jail, address);
  const std::uint32_t last = to_seconds(start);
  impl_->put(jail, address, before ? before->count + 1 : 1,
             before ? std::max(last, to_seconds(before->last)) : last);
}

void OffenderTable::forget(JailIndex jail, const net::Prefix& address) {
  if (std::byte* found = impl_->find(impl_->hash(address), jail); found != nullptr) {
    impl_->table.erase(found);
  }
}

std::optional<OffenderTable::History> OffenderTable::find(JailIndex jail,
                                                          const net::Prefix& address) const {
  const std::byte* found = impl_->find(impl_->hash(address), jail);
  return found == nullptr ? std::nullopt : std::optional(to_history(load(found)));
}

std::optional<OffenderTable::History> OffenderTable::find_overall(
    const net::Prefix& address) const {
  std::optional<History> result;
  const std::uint64_t wanted = impl_->hash(address);
  impl_->table.find(wanted, [&](const std::byte* bytes) {
    if (const OffenderSlot slot = load(bytes); slot.hash == wanted) {
      const History history = to_history(slot);
      result = result ? History{result->count + history.count, std::max(result->last, history.last)}
                      : history;
    }
    return false;
  });
  return result;
}

std::size_t OffenderTable::size() const { return impl_->table.size(); }
std::size_t OffenderTable::capacity() const { return impl_->table.capacity(); }
std::uint64_t OffenderTable::evicted() const { return impl_->evicted; }
std::size_t OffenderTable::memory() const { return impl_->table.memory(); }

}  // namespace warder::jail
