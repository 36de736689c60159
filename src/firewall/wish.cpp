#include "firewall/wish.h"

#include "net/address_number.h"

#include <algorithm>
#include <compare>

namespace warder::firewall {
namespace {

bool is_later(const Remaining& a, const Remaining& b) { return b && (!a || *a > *b); }

Wish wish_of(const Change& change, std::uint32_t index, util::WallTime now) {
  Wish wish{change.kind, change.scope, change.prefix, std::nullopt, index};
  if (change.end && change.kind != Change::Kind::kRemove) {
    // Beyond a century is for ever: the kernel's clock has no such numbers.
    constexpr std::chrono::hours kForEver{24 * 36525};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*change.end - now);
    if (*change.end <= now) {
      wish.remaining = std::chrono::milliseconds(0);
    } else if (left < kForEver) {
      wish.remaining = left;
    }
  }
  return wish;
}

bool is_past(const Wish& wish) { return wish.remaining && wish.remaining->count() == 0; }

// `earlier` and then `later`, as one.
Wish joined(const Wish& earlier, Wish later) {
  if (later.kind != Change::Kind::kAdd) {
    return later;
  }
  if (earlier.kind == Change::Kind::kRemove) {
    later.kind = Change::Kind::kSet;
    return later;
  }
  later.kind = earlier.kind;
  if (is_later(earlier.remaining, later.remaining)) {
    later.remaining = earlier.remaining;
  }
  return later;
}

// Where a wish belongs, as numbers: comparing the wishes themselves takes longer than the kernel
// takes for half of an element.
struct Place {
  std::uint64_t set = 0;  // scope, family, length
  net::AddressNumber address;
  std::uint32_t change = 0;
  std::uint32_t index = 0;  // of the wish

  friend auto operator<=>(const Place&, const Place&) = default;
};

Place place_of(const Wish& wish, std::uint32_t index) {
  Place place;
  place.set = std::uint64_t{wish.scope} << 16U |
              std::uint64_t{static_cast<std::uint8_t>(wish.prefix.family())} << 8U |
              wish.prefix.length();
  place.address = net::number_of(wish.prefix.address());
  place.change = wish.change;
  place.index = index;
  return place;
}

void sort_by_place(std::vector<Wish>& wishes) {
  if (wishes.size() < 2) {
    return;
  }
  std::vector<Place> places;
  places.reserve(wishes.size());
  for (std::uint32_t i = 0; i < wishes.size(); ++i) {
    places.push_back(place_of(wishes[i], i));
  }
  std::sort(places.begin(), places.end());
  std::vector<Wish> sorted;
  sorted.reserve(wishes.size());
  for (const Place& place : places) {
    sorted.push_back(wishes[place.index]);
  }
  wishes = std::move(sorted);
}

}  // namespace

std::vector<Wish> fold(std::span<const Change> changes, util::WallTime now,
                       std::uint32_t& ignored) {
  std::vector<Wish> wishes;
  wishes.reserve(changes.size());
  for (std::uint32_t i = 0; i < changes.size(); ++i) {
    Wish wish = wish_of(changes[i], i, now);
    if (wish.kind == Change::Kind::kAdd && is_past(wish)) {
      ++ignored;
      continue;
    }
    if (wish.kind == Change::Kind::kSet && is_past(wish)) {
      wish.kind = Change::Kind::kRemove;
      wish.remaining.reset();
    }
    wishes.push_back(wish);
  }
  sort_by_place(wishes);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (kept > 0 && wishes[kept - 1].scope == wishes[i].scope &&
        wishes[kept - 1].prefix == wishes[i].prefix) {
      wishes[kept - 1] = joined(wishes[kept - 1], wishes[i]);
      ++ignored;
    } else {
      wishes[kept++] = wishes[i];
    }
  }
  wishes.resize(kept);
  const auto is_removal = [](const Wish& wish) { return wish.kind == Change::Kind::kRemove; };
  // Which takes a second place for all of them.
  if (!std::is_partitioned(wishes.begin(), wishes.end(), is_removal)) {
    std::stable_partition(wishes.begin(), wishes.end(), is_removal);
  }
  return wishes;
}

bool is_fulfilled_by(const Wish& wish, const Remaining& held) {
  if (!wish.remaining || !held) {
    return wish.kind == Change::Kind::kSet ? wish.remaining == held : !held;
  }
  const auto missing = *wish.remaining - *held;
  return missing <= kSameEnd && (wish.kind == Change::Kind::kAdd || -missing <= kSameEnd);
}

bool outlasts(const Wish& wish, const Remaining& held) {
  return wish.remaining && (!held || *held - *wish.remaining > kSameEnd);
}

}  // namespace warder::firewall
