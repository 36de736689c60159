#include "backup/retry.h"

#include <algorithm>
#include <chrono>

namespace warder::backup {
namespace {

constexpr std::chrono::hours kFirst{1};
constexpr std::chrono::hours kLongest{24};
constexpr unsigned kMostDoublings = 5;  // beyond kLongest

}  // namespace

util::WallTime retry_due(util::WallTime last, unsigned failures) {
  const unsigned doublings = std::clamp(failures, 1U, kMostDoublings + 1) - 1;
  return last + std::min(kFirst * (1U << doublings), kLongest);
}

}  // namespace warder::backup
