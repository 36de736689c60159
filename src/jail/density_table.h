#pragma once

#include "jail/counting.h"
#include "jail/slot_table.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace warder::jail {

// How dense the attack on a jail is within wider prefixes: for each, how many failures from how
// many distinct children (next smaller step) in the last findtime.
//
// Time is kept in two halves of findtime: what is counted is never older than findtime, and at
// least half of findtime is seen. 80 bytes a prefix, bounded; when full, the prefix with the fewest
// children among 16 neighbours goes, the oldest of those. Owned by a Jail.
class DensityTable {
 public:
  DensityTable(Tick findtime, std::size_t capacity);

  struct Density {
    std::uint32_t children = 0;  // distinct, at most 256
    std::uint32_t failures = 0;
  };
  // `hash` names the wider prefix (keyed, not 0), `child` which of its children failed.
  Density add(std::uint64_t hash, std::uint8_t child, Tick time, std::uint32_t attempts);
  void erase(std::uint64_t hash);
  void clear();
  void take_over(const DensityTable& old);
  void sweep(Tick now, std::size_t segments);

  std::size_t size() const { return table_.size(); }
  std::size_t segments() const { return table_.segments(); }
  std::size_t memory() const { return table_.memory(); }
  std::uint64_t evicted() const { return evicted_; }

 private:
  static constexpr std::size_t kReach = 16;

  using Children = std::array<std::uint64_t, 4>;
  struct Slot {
    std::uint64_t hash;
    std::uint32_t half;  // number of the current half of findtime
    std::uint16_t failures;
    std::uint16_t failures_before;
    Children children;
    Children children_before;
  };
  static_assert(sizeof(Slot) == 80);

  struct Layout {
    std::size_t slot_bytes() const { return sizeof(Slot); }
    bool used(const std::byte* bytes) const { return hash(bytes) != 0; }
    std::uint64_t hash(const std::byte* bytes) const {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes, sizeof value);
      return value;
    }
  };

  static Slot load(const std::byte* bytes);
  static void move_on(Slot& slot, std::uint32_t half);
  static std::uint32_t distinct(const Slot& slot);
  std::uint32_t half_of(Tick time) const;
  std::byte* find(std::uint64_t hash) const;
  std::byte* find_or_make(std::uint64_t hash, std::uint32_t half);

  Tick half_length_;
  SlotTable<Layout> table_;
  std::size_t cursor_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace warder::jail
