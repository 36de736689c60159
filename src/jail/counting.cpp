#include "jail/counting.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace warder::jail {
namespace {

// Of a run of WindowCounting, in two bytes; of the two counts of a ticket, in three.
constexpr std::uint32_t kLargestWeight = 0xFFFF;
constexpr std::uint32_t kLargestCount = 0xFFFFFF;

void put(std::byte* bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(value >> (8 * i));
  }
}
std::uint64_t get(const std::byte* bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

// The reference calculates in seconds; so that halves fall as there, this does too.
double seconds(Tick ticks) { return static_cast<double>(ticks) / 1000; }

}  // namespace

WindowCounting::WindowCounting(std::uint32_t maxretry, Tick findtime)
    : maxretry_(maxretry),
      findtime_(findtime),
      weighted_(maxretry > kMostTimes + 1),
      quantum_(weighted_ ? findtime / (kRuns - 1) : 0),
      places_(weighted_ ? kRuns : std::max(maxretry, 2U) - 1),
      place_bytes_(kTickBytes + (weighted_ ? 2 : 0)) {}

WindowCounting::Run WindowCounting::read(const std::byte* state, std::uint32_t index) const {
  const std::byte* place = state + header_bytes() + index * place_bytes_;
  return {static_cast<Tick>(get(place, kTickBytes)),
          weighted_ ? static_cast<std::uint32_t>(get(place + kTickBytes, 2)) : 1};
}

void WindowCounting::write(std::byte* state, std::uint32_t index, const Run& run) const {
  std::byte* place = state + header_bytes() + index * place_bytes_;
  put(place, static_cast<std::uint64_t>(run.time), kTickBytes);
  if (weighted_) {
    put(place + kTickBytes, run.weight, 2);
  }
}

Tally WindowCounting::add(std::byte* state, Tick time, std::uint32_t attempts) const {
  // Oldest first, room for all that is kept and for a whole maxretry of new ones.
  std::array<Run, 2 * (kMostTimes + 1)> runs;
  std::uint32_t size = used(state);
  for (std::uint32_t i = 0; i < size; ++i) {
    runs[i] = read(state, i);
  }
  const std::uint32_t weight = std::clamp(attempts, 1U, maxretry_);
  std::uint32_t at = size;  // first run later than `time`
  while (at > 0 && runs[at - 1].time > time) {
    --at;
  }
  if (weighted_ && at > 0 && time - runs[at - 1].time < quantum_) {
    runs[at - 1].weight = std::min(runs[at - 1].weight + weight, kLargestWeight);
  } else {
    const std::uint32_t copies = weighted_ ? 1 : weight;
    std::copy_backward(runs.begin() + at, runs.begin() + size, runs.begin() + size + copies);
    std::fill_n(runs.begin() + at, copies, Run{time, weighted_ ? weight : 1});
    size += copies;
  }

  Tally tally{0, std::max(time, last(state))};
  for (std::uint32_t i = 0; i < size; ++i) {
    if (runs[i].time >= tally.last - findtime_) {
      tally.count += runs[i].weight;
    }
  }

  if (weighted_) {
    put(state + 1, static_cast<std::uint64_t>(tally.last), kTickBytes);
  }
  const std::uint32_t dropped = size > places_ ? size - places_ : 0;
  *state = static_cast<std::byte>(size - dropped);
  for (std::uint32_t i = dropped; i < size; ++i) {
    write(state, i - dropped, runs[i]);
  }
  return tally;
}

std::uint32_t WindowCounting::count(const std::byte* state, Tick now) const {
  std::uint32_t count = 0;
  for_each(state,
           [&](Tick time, std::uint32_t weight) { count += time >= now - findtime_ ? weight : 0; });
  return count;
}

Tick WindowCounting::last(const std::byte* state) const {
  if (used(state) == 0) {
    return 0;
  }
  return weighted_ ? static_cast<Tick>(get(state + 1, kTickBytes))
                   : read(state, used(state) - 1).time;
}

RateCounting::Ticket RateCounting::read(const std::byte* state) {
  return {static_cast<Tick>(get(state, kTickBytes)),
          static_cast<Tick>(get(state + kTickBytes, kTickBytes)),
          static_cast<std::uint32_t>(get(state + 2 * kTickBytes, 3)),
          static_cast<std::uint32_t>(get(state + 2 * kTickBytes + 3, 3))};
}

void RateCounting::write(std::byte* state, const Ticket& ticket) {
  put(state, static_cast<std::uint64_t>(ticket.first), kTickBytes);
  put(state + kTickBytes, static_cast<std::uint64_t>(ticket.last), kTickBytes);
  put(state + 2 * kTickBytes, std::min(ticket.retry, kLargestCount), 3);
  put(state + 2 * kTickBytes + 3, std::min(ticket.failures, kLargestCount), 3);
}

Tally RateCounting::add(std::byte* state, Tick time, std::uint32_t attempts,
                        std::uint32_t weight) const {
  Ticket ticket = read(state);
  if (ticket.retry == 0 || time - ticket.last >= findtime_ + clean_up_after_) {
    ticket = {time, time, 0, 0};
  } else if (time > ticket.last) {
    if (ticket.first < time - findtime_) {
      // std::nearbyint rounds half to even, as the reference does.
      ticket.retry = static_cast<std::uint32_t>(
          std::nearbyint(ticket.retry / seconds(time - ticket.first) * seconds(findtime_)));
      ticket.first = time - findtime_;
    }
    ticket.last = time;
  }
  ticket.retry = std::min(ticket.retry + weight, kLargestCount);
  ticket.failures += std::min(std::max(attempts, 1U), kLargestCount - ticket.failures);
  write(state, ticket);
  return {ticket.retry, ticket.last};
}

std::uint32_t RateCounting::count(const std::byte* state, Tick now) const {
  const Ticket ticket = read(state);
  return ticket.retry == 0 || now - ticket.last >= findtime_ + clean_up_after_ ? 0 : ticket.retry;
}

std::uint32_t known_offender_weight(std::uint32_t bans, std::uint32_t maxretry) {
  if (bans == 0) {
    return 1;
  }
  return std::min((1U << (std::min(bans, 21U) - 1)) + 1, std::max(maxretry, 1U));
}

}  // namespace warder::jail
