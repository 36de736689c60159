#include "jail/clock_watch.h"

namespace warder::jail {

std::optional<std::chrono::microseconds> ClockWatch::observe(util::WallTime wall,
                                                             util::MonotonicTime monotonic) {
  const std::chrono::microseconds offset = wall.time_since_epoch() - monotonic.time_since_epoch();
  const auto before = offset_;
  offset_ = offset;
  if (!before || std::chrono::abs(offset - *before) < threshold_) {
    return std::nullopt;
  }
  return offset - *before;
}

}  // namespace warder::jail
