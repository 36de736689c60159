#include "jail/source_table.h"

#include <algorithm>
#include <array>

namespace warder::jail {
namespace {

constexpr std::size_t kUsualSlot = 32;

std::size_t slot_bytes(const SourceTable::Counting& counting) {
  return sizeof(std::uint64_t) +
         std::visit([](const auto& rule) { return rule.bytes(); }, counting);
}

}  // namespace

SourceTable::SourceTable(const Counting& counting, Tick findtime, std::size_t capacity)
    : counting_(counting),
      findtime_(findtime),
      table_(Layout{slot_bytes(counting)},
             std::min(capacity, capacity * kUsualSlot / slot_bytes(counting))) {}

Tick SourceTable::last(const std::byte* slot) const {
  if (const auto* window = std::get_if<WindowCounting>(&counting_)) {
    return window->last(state(slot));
  }
  return RateCounting::read(state(slot)).last;
}

std::uint32_t SourceTable::count_of(const std::byte* slot, Tick now) const {
  return std::visit([&](const auto& rule) { return rule.count(state(slot), now); }, counting_);
}

std::byte* SourceTable::find(std::uint64_t hash) const {
  return table_.find(hash,
                     [&](const std::byte* slot) { return table_.layout().hash(slot) == hash; });
}

std::byte* SourceTable::find_or_make(std::uint64_t hash, Tick now) {
  if (std::byte* found = find(hash); found != nullptr) {
    return found;
  }
  std::byte* slot = table_.insert(hash);
  if (slot == nullptr) {
    const bool oldest_goes = hash % kOldestGoesOneIn == 0;
    std::byte* victim = table_.victim(hash, kReach, [&](const std::byte* a, const std::byte* b) {
      const std::uint32_t count_a = count_of(a, now);
      const std::uint32_t count_b = count_of(b, now);
      if (count_a != count_b) {
        return count_a < count_b;
      }
      return oldest_goes ? last(a) < last(b) : last(a) > last(b);
    });
    if (victim == nullptr) {
      ++evicted_;
      return nullptr;
    }
    evicted_ += last(victim) >= now - findtime_ ? 1 : 0;
    table_.erase(victim);
    slot = table_.insert(hash);
  }
  std::memcpy(slot, &hash, sizeof hash);
  return slot;
}

Tally SourceTable::add(std::uint64_t hash, Tick time, std::uint32_t attempts,
                       std::uint32_t weight) {
  std::byte* slot = find_or_make(hash, time);
  // A new source with an empty neighbourhood in a full table: judged by this finding alone.
  std::array<std::byte, 256> alone{};
  std::byte* place = slot == nullptr ? alone.data() : state(slot);
  if (const auto* window = std::get_if<WindowCounting>(&counting_)) {
    return window->add(place, time, attempts);
  }
  return std::get<RateCounting>(counting_).add(place, time, attempts, weight);
}

void SourceTable::erase(std::uint64_t hash) {
  if (std::byte* found = find(hash); found != nullptr) {
    table_.erase(found);
  }
}

void SourceTable::clear() {
  for (std::size_t i = 0; i < table_.segments(); ++i) {
    table_.sweep(i, [](const std::byte*) { return false; });
  }
}

std::uint32_t SourceTable::count(std::uint64_t hash, Tick now) const {
  const std::byte* found = find(hash);
  return found == nullptr ? 0 : count_of(found, now);
}

std::optional<Tick> SourceTable::last(std::uint64_t hash) const {
  const std::byte* found = find(hash);
  return found == nullptr ? std::nullopt : std::optional(last(found));
}

void SourceTable::take_over(const SourceTable& old) {
  old.table_.for_each([&](const std::byte* slot) {
    const std::uint64_t hash = old.table_.layout().hash(slot);
    const auto replay = [&](Tick time, std::uint32_t attempts) {
      // A weight, too: what counted for several goes on doing so.
      add(hash, time, attempts, attempts);
    };
    if (const auto* window = std::get_if<WindowCounting>(&old.counting_)) {
      window->for_each(state(slot), replay);
      return;
    }
    const RateCounting::Ticket ticket = RateCounting::read(state(slot));
    if (std::holds_alternative<RateCounting>(counting_)) {
      if (std::byte* place = find_or_make(hash, ticket.last); place != nullptr) {
        RateCounting::write(state(place), ticket);
      }
      return;
    }
    // When the earlier failures were is not known: taken as old as they can be.
    if (ticket.retry > 1) {
      replay(ticket.first, ticket.retry - 1);
    }
    replay(ticket.last, 1);
  });
}

void SourceTable::sweep(Tick now, std::size_t segments) {
  // A finding may itself be findtime old.
  const Tick kept = 2 * findtime_ + RateCounting::kCleanUpAfter;
  for (std::size_t i = 0; i < std::min(segments, table_.segments()); ++i) {
    table_.sweep(cursor_, [&](const std::byte* slot) { return last(slot) >= now - kept; });
    cursor_ = cursor_ + 1 == table_.segments() ? 0 : cursor_ + 1;
  }
}

}  // namespace warder::jail
