#pragma once

#include "util/clock.h"

#include <chrono>
#include <optional>

namespace warder::jail {

// Notices that the wall clock was set: it moved by something else than the time that passed. Slow
// correction (adjtime, leap smearing) stays below the threshold and is followed.
//
// Ask once a second; hand every step to each Jail and to the BanTable (clock_stepped), so that
// windows and bans go on as if nothing had happened.
class ClockWatch {
 public:
  explicit ClockWatch(std::chrono::microseconds threshold = std::chrono::seconds(2))
      : threshold_(threshold) {}

  // The step since the last call, forward positive; empty when there was none.
  std::optional<std::chrono::microseconds> observe(util::WallTime wall,
                                                   util::MonotonicTime monotonic);

 private:
  std::chrono::microseconds threshold_;
  std::optional<std::chrono::microseconds> offset_;
};

}  // namespace warder::jail
