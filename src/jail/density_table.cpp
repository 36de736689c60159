#include "jail/density_table.h"

#include <algorithm>

namespace warder::jail {
namespace {

void add_capped(std::uint16_t& value, std::uint32_t more) {
  value = static_cast<std::uint16_t>(
      std::min<std::uint64_t>(std::uint64_t{value} + more, std::uint64_t{0xFFFF}));
}

}  // namespace

DensityTable::DensityTable(Tick findtime, std::size_t capacity)
    : half_length_(std::max<Tick>(findtime / 2, 1)), table_(Layout{}, capacity) {}

DensityTable::Slot DensityTable::load(const std::byte* bytes) {
  Slot slot;
  std::memcpy(&slot, bytes, sizeof slot);
  return slot;
}

// 40 bits of ticks in halves of at least 500 ms fit 32 bits.
std::uint32_t DensityTable::half_of(Tick time) const {
  return static_cast<std::uint32_t>(std::max<Tick>(time, 0) / half_length_);
}

void DensityTable::move_on(Slot& slot, std::uint32_t half) {
  if (half <= slot.half) {
    return;
  }
  const bool next = half == slot.half + 1;
  slot.children_before = next ? slot.children : Children{};
  slot.failures_before = next ? slot.failures : std::uint16_t{0};
  slot.children = {};
  slot.failures = 0;
  slot.half = half;
}

std::uint32_t DensityTable::distinct(const Slot& slot) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < slot.children.size(); ++i) {
    count += static_cast<std::uint32_t>(std::popcount(slot.children[i] | slot.children_before[i]));
  }
  return count;
}

std::byte* DensityTable::find(std::uint64_t hash) const {
  return table_.find(hash,
                     [&](const std::byte* bytes) { return table_.layout().hash(bytes) == hash; });
}

std::byte* DensityTable::find_or_make(std::uint64_t hash, std::uint32_t half) {
  if (std::byte* found = find(hash); found != nullptr) {
    return found;
  }
  std::byte* bytes = table_.insert(hash);
  if (bytes == nullptr) {
    ++evicted_;
    const auto rank = [&](const std::byte* candidate) {
      const Slot slot = load(candidate);
      return std::pair(slot.half + 1 < half ? 0 : distinct(slot), slot.half);
    };
    std::byte* victim = table_.victim(
        hash, kReach, [&](const std::byte* a, const std::byte* b) { return rank(a) < rank(b); });
    if (victim == nullptr) {
      return nullptr;
    }
    table_.erase(victim);
    bytes = table_.insert(hash);
  }
  Slot slot{};
  slot.hash = hash;
  slot.half = half;
  std::memcpy(bytes, &slot, sizeof slot);
  return bytes;
}

DensityTable::Density DensityTable::add(std::uint64_t hash, std::uint8_t child, Tick time,
                                        std::uint32_t attempts) {
  const std::uint32_t half = half_of(time);
  std::byte* bytes = find_or_make(hash, half);
  if (bytes == nullptr) {
    return {1, attempts};
  }
  Slot slot = load(bytes);
  move_on(slot, half);
  const std::uint64_t bit = std::uint64_t{1} << (child % 64U);
  if (half == slot.half) {
    slot.children[child / 64U] |= bit;
    add_capped(slot.failures, std::max(attempts, 1U));
  } else if (half + 1 == slot.half) {
    slot.children_before[child / 64U] |= bit;
    add_capped(slot.failures_before, std::max(attempts, 1U));
  }
  std::memcpy(bytes, &slot, sizeof slot);
  return {distinct(slot), std::uint32_t{slot.failures} + slot.failures_before};
}

void DensityTable::erase(std::uint64_t hash) {
  if (std::byte* found = find(hash); found != nullptr) {
    table_.erase(found);
  }
}

void DensityTable::clear() {
  for (std::size_t i = 0; i < table_.segments(); ++i) {
    table_.sweep(i, [](const std::byte*) { return false; });
  }
}

void DensityTable::take_over(const DensityTable& old) {
  if (old.half_length_ != half_length_) {
    return;  // its halves say nothing about ours
  }
  old.table_.for_each([&](const std::byte* bytes) {
    const Slot slot = load(bytes);
    if (std::byte* place = find_or_make(slot.hash, slot.half); place != nullptr) {
      std::memcpy(place, &slot, sizeof slot);
    }
  });
}

void DensityTable::sweep(Tick now, std::size_t segments) {
  const std::uint32_t half = half_of(now);
  for (std::size_t i = 0; i < std::min(segments, table_.segments()); ++i) {
    table_.sweep(cursor_, [&](const std::byte* bytes) { return load(bytes).half + 2 >= half; });
    cursor_ = cursor_ + 1 == table_.segments() ? 0 : cursor_ + 1;
  }
}

}  // namespace warder::jail
