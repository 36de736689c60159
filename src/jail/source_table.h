#pragma once

#include "jail/counting.h"
#include "jail/slot_table.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

namespace warder::jail {

// The sources that one jail is counting, by the keyed hash of their prefix: bounded, grown as
// needed. A slot is the hash and the state of the counting: 29 bytes with a window and maxretry 5,
// 24 with `compat`.
//
// The capacity is in memory: that of so many slots of 32 bytes. Larger slots make for fewer
// sources.
//
// When full, a new source replaces the one among 16 neighbours that is least likely to be banned:
// any whose findings are older than findtime, otherwise the lowest count, and of equal ones mostly
// the newest. So a flood of sources that take turns, more of them than the table holds, pushes out
// its own newcomers; those that are in come to their limit. Were the oldest to go, nobody would
// return before being forgotten. One newcomer in eight does replace the oldest, so that nobody
// keeps a place by being there first. evicted() counts sources that still mattered.
//
// Owned by a Jail.
class SourceTable {
 public:
  using Counting = std::variant<WindowCounting, RateCounting>;

  // `findtime` as in the counting; sources idle for over twice as long are forgotten by sweep().
  SourceTable(const Counting& counting, Tick findtime, std::size_t capacity);

  // One finding. `weight` is used by RateCounting only. `hash` must not be 0.
  Tally add(std::uint64_t hash, Tick time, std::uint32_t attempts, std::uint32_t weight);
  void erase(std::uint64_t hash);
  void clear();
  std::uint32_t count(std::uint64_t hash, Tick now) const;
  // When it was added last; empty: it is not there.
  std::optional<Tick> last(std::uint64_t hash) const;

  // Puts the state of each source of `old` into this table, which may count differently.
  void take_over(const SourceTable& old);

  // Forgets what is too old to matter in the next `segments` pieces of the table.
  void sweep(Tick now, std::size_t segments);

  std::size_t size() const { return table_.size(); }
  std::size_t capacity() const { return table_.capacity(); }
  std::size_t segments() const { return table_.segments(); }
  std::size_t memory() const { return table_.memory(); }
  std::uint64_t evicted() const { return evicted_; }

 private:
  static constexpr std::size_t kReach = 16;
  static constexpr std::uint64_t kOldestGoesOneIn = 8;

  struct Layout {
    std::size_t bytes = 0;
    std::size_t slot_bytes() const { return bytes; }
    bool used(const std::byte* slot) const { return hash(slot) != 0; }
    std::uint64_t hash(const std::byte* slot) const {
      std::uint64_t value = 0;
      std::memcpy(&value, slot, sizeof value);
      return value;
    }
  };

  std::byte* find(std::uint64_t hash) const;
  std::byte* find_or_make(std::uint64_t hash, Tick now);
  static std::byte* state(std::byte* slot) { return slot + sizeof(std::uint64_t); }
  static const std::byte* state(const std::byte* slot) { return slot + sizeof(std::uint64_t); }
  Tick last(const std::byte* slot) const;
  std::uint32_t count_of(const std::byte* slot, Tick now) const;

  Counting counting_;
  Tick findtime_;
  SlotTable<Layout> table_;
  std::size_t cursor_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace warder::jail
