#include "util/backoff.h"

#include <algorithm>

namespace warder::util {
namespace {

// SplitMix64: spreads any seed, zero included. Not for secrets.
std::uint64_t next_random(std::uint64_t* state) {
  *state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

Backoff::Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest,
                 std::uint64_t seed)
    : first_(first), longest_(longest), state_(seed) {}

std::chrono::milliseconds Backoff::next() {
  const unsigned shift = std::min(attempts_, 30U);
  ++attempts_;
  const std::int64_t wanted =
      first_.count() > (longest_.count() >> shift) ? longest_.count() : first_.count() << shift;
  const std::int64_t quarter = wanted / 4;
  if (quarter == 0) {
    return std::chrono::milliseconds(wanted);
  }
  const auto jitter =
      static_cast<std::int64_t>(next_random(&state_) % static_cast<std::uint64_t>(2 * quarter + 1));
  return std::chrono::milliseconds(wanted - quarter + jitter);
}

}  // namespace warder::util
