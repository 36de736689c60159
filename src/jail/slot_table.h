#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace warder::jail {

// A bounded hash table of fixed-size slots that a stranger can fill: open addressing in many small
// segments.
//
// Why segments: each grows and shrinks by itself in steps of an eighth, so neither memory nor time
// has a doubling spike, and an empty table costs its directory only. Why bytes: the slot size of
// some users is known at run time only.
//
// Layout is the user's description of a slot:
//     std::size_t slot_bytes() const;
//     bool used(const std::byte* slot) const;            // all zero bytes must mean unused
//     std::uint64_t hash(const std::byte* slot) const;   // keyed, of the slot's key
// The high bits of the hash choose the segment, the low 32 the place within it. Not thread safe.
template <typename Layout>
class SlotTable {
 public:
  SlotTable(Layout layout, std::size_t capacity)
      : layout_(std::move(layout)),
        capacity_(std::max<std::size_t>(capacity, 1)),
        segment_bits_(static_cast<unsigned>(
            std::bit_width(std::min(capacity_ / kEntriesPerSegment, kMostSegments)))),
        segments_(std::size_t{1} << segment_bits_) {}

  const Layout& layout() const { return layout_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t segments() const { return segments_.size(); }
  std::size_t segment_of(std::uint64_t hash) const {
    return segment_bits_ == 0 ? 0 : static_cast<std::size_t>(hash >> (64 - segment_bits_));
  }
  std::size_t memory() const {
    std::size_t slots = 0;
    for (const Segment& segment : segments_) {
      slots += segment.slots;
    }
    return slots * layout_.slot_bytes() + segments_.size() * sizeof(Segment);
  }

  // Makes room for so many entries at once, as far as hashes spread evenly: for who knows how many
  // come, since growing in steps leaves holes in the heap. Shrinks nothing.
  void reserve(std::size_t entries) {
    const std::size_t mean = std::min(entries, capacity_) / segments_.size();
    // Two standard deviations cover all but one segment in forty; that one grows.
    const auto most = mean + static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(mean)));
    const std::size_t slots = most * kLoadDenominator / kLoadNumerator + 1;
    for (Segment& segment : segments_) {
      if (mean > 0 && segment.slots < slots) {
        rebuild(segment, slots);
      }
    }
  }

  // Calls match(slot) for each slot that may have this hash, until it answers true; that slot, or
  // nullptr.
  template <typename Match>
  std::byte* find(std::uint64_t hash, Match match) const {
    const Segment& segment = segments_[segment_of(hash)];
    if (segment.slots == 0) {
      return nullptr;
    }
    std::size_t place = home(segment, hash);
    // Never full, so the run ends.
    while (layout_.used(at(segment, place))) {
      std::byte* slot = at(segment, place);
      if (match(slot)) {
        return slot;
      }
      place = next(segment, place);
    }
    return nullptr;
  }

  // A zeroed slot for a new key of this hash; the caller fills it at once. nullptr when the table
  // is at its capacity. Other slot pointers become invalid.
  std::byte* insert(std::uint64_t hash) {
    if (size_ >= capacity_) {
      return nullptr;
    }
    Segment& segment = segments_[segment_of(hash)];
    if ((segment.used + 1) * kLoadDenominator > segment.slots * kLoadNumerator) {
      rebuild(segment, segment.slots + std::max<std::size_t>(segment.slots / 8, kSmallestStep));
    }
    std::byte* slot = free_place(segment, hash);
    ++segment.used;
    ++size_;
    return slot;
  }

  // Other slot pointers become invalid.
  void erase(std::byte* slot) {
    Segment& segment = segments_[segment_of(layout_.hash(slot))];
    erase_from(segment,
               static_cast<std::size_t>(slot - segment.bytes.get()) / layout_.slot_bytes());
  }

  // The worst of up to `reach` used slots from the hash's place on, by better(a, b): a is a better
  // victim than b. nullptr when the segment is empty.
  template <typename Better>
  std::byte* victim(std::uint64_t hash, std::size_t reach, Better better) const {
    const Segment& segment = segments_[segment_of(hash)];
    std::byte* worst = nullptr;
    std::size_t place = segment.slots == 0 ? 0 : home(segment, hash);
    for (std::size_t i = 0, seen = 0; i < segment.slots && seen < reach; ++i) {
      std::byte* slot = at(segment, place);
      if (layout_.used(slot)) {
        ++seen;
        if (worst == nullptr || better(slot, worst)) {
          worst = slot;
        }
      }
      place = next(segment, place);
    }
    return worst;
  }

  template <typename Visit>
  void for_each_in(std::size_t index, Visit visit) const {
    const Segment& segment = segments_[index];
    for (std::size_t place = 0; place < segment.slots; ++place) {
      if (layout_.used(at(segment, place))) {
        visit(at(segment, place));
      }
    }
  }
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      for_each_in(i, visit);
    }
  }

  // Removes what keep(slot) denies from one segment and gives memory back when little is left.
  // keep() may be asked twice for one slot.
  template <typename Keep>
  void sweep(std::size_t index, Keep keep) {
    Segment& segment = segments_[index];
    for (std::size_t place = 0; place < segment.slots;) {
      std::byte* slot = at(segment, place);
      if (layout_.used(slot) && !keep(std::as_const(slot))) {
        erase_from(segment, place);  // another slot may have moved here: look again
      } else {
        ++place;
      }
    }
    if (segment.used * 3 < segment.slots) {
      rebuild(segment, segment.used == 0 ? 0 : segment.used + segment.used / 2 + kSmallestStep);
    }
  }

 private:
  // The more entries a segment has, the closer all segments are to their mean, and the less room
  // reserve() leaves empty; the longer takes the one insert() that has it grow (0.2 ms).
  static constexpr std::size_t kEntriesPerSegment = 4096;
  static constexpr std::size_t kMostSegments = 511;  // with bit_width(): 512 of them
  // A look-up in vain passes 130 used slots on average at 15/16, right before a segment grows, and
  // 30 at 7/8: one stretch of memory.
  static constexpr std::size_t kLoadNumerator = 15;
  static constexpr std::size_t kLoadDenominator = 16;
  static constexpr std::size_t kSmallestStep = 6;

  struct Segment {
    std::unique_ptr<std::byte[]> bytes;
    std::uint32_t slots = 0;
    std::uint32_t used = 0;
  };

  std::byte* at(const Segment& segment, std::size_t place) const {
    return segment.bytes.get() + place * layout_.slot_bytes();
  }
  static std::size_t home(const Segment& segment, std::uint64_t hash) {
    return static_cast<std::size_t>(((hash & 0xFFFF'FFFFU) * segment.slots) >> 32U);
  }
  static std::size_t next(const Segment& segment, std::size_t place) {
    return place + 1 == segment.slots ? 0 : place + 1;
  }
  static std::size_t distance(const Segment& segment, std::size_t from, std::size_t to) {
    return to >= from ? to - from : to + segment.slots - from;
  }
  std::byte* free_place(const Segment& segment, std::uint64_t hash) const {
    std::size_t place = home(segment, hash);
    while (layout_.used(at(segment, place))) {
      place = next(segment, place);
    }
    return at(segment, place);
  }

  // Backward shift: what follows moves up unless it would leave the reach of its home.
  void erase_from(Segment& segment, std::size_t hole) {
    std::size_t place = next(segment, hole);
    while (layout_.used(at(segment, place))) {
      const std::size_t wanted = home(segment, layout_.hash(at(segment, place)));
      if (distance(segment, wanted, place) >= distance(segment, hole, place)) {
        std::memcpy(at(segment, hole), at(segment, place), layout_.slot_bytes());
        hole = place;
      }
      place = next(segment, place);
    }
    std::memset(at(segment, hole), 0, layout_.slot_bytes());
    --segment.used;
    --size_;
  }

  void rebuild(Segment& segment, std::size_t slots) {
    Segment fresh;
    fresh.slots = static_cast<std::uint32_t>(slots);
    fresh.used = segment.used;
    fresh.bytes =
        slots == 0 ? nullptr : std::make_unique<std::byte[]>(slots * layout_.slot_bytes());
    for (std::size_t place = 0; place < segment.slots; ++place) {
      const std::byte* slot = at(segment, place);
      if (layout_.used(slot)) {
        std::memcpy(free_place(fresh, layout_.hash(slot)), slot, layout_.slot_bytes());
      }
    }
    segment = std::move(fresh);
  }

  Layout layout_;
  std::size_t capacity_;
  unsigned segment_bits_;
  std::vector<Segment> segments_;
  std::size_t size_ = 0;
};

}  // namespace warder::jail
