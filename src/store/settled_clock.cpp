#include "store/settled_clock.h"

#include <algorithm>

namespace warder::store {
namespace {

std::chrono::microseconds offset_of(util::WallTime wall, util::MonotonicTime monotonic) {
  return wall.time_since_epoch() - monotonic.time_since_epoch();
}

}  // namespace

void SettledClock::begin(util::WallTime known, util::WallTime now, util::MonotonicTime monotonic) {
  offset_ = offset_of(std::min(known, now), monotonic);
  doubted_.reset();
}

util::WallTime SettledClock::at(util::WallTime now, util::MonotonicTime monotonic) {
  const std::chrono::microseconds offset = offset_of(now, monotonic);
  if (!offset_ || offset - *offset_ <= tolerated_) {
    offset_ = offset;
    doubted_.reset();
    return now;
  }
  if (!doubted_ || std::chrono::abs(offset - doubted_->offset) > tolerated_) {
    doubted_ = Doubted{offset, monotonic};
  }
  if (monotonic - doubted_->since >= hold_) {
    offset_ = offset;
    doubted_.reset();
    return now;
  }
  return util::WallTime(monotonic.time_since_epoch() + *offset_);
}

}  // namespace warder::store
