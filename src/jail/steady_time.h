#pragma once

#include "jail/counting.h"
#include "util/clock.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace warder::jail {

// Turns wall time into ticks that go on steadily when the wall clock is set, and back.
//
// A step that the engine reports (step()) is taken out. One that it does not report is noticed when
// it is backward, because the time of judging never goes back: it is taken out at once, and not
// again when the report comes. An unreported forward step makes what is older than it too old.
class SteadyTime {
 public:
  // The tick of judging. Never less than the one before.
  Tick now(util::WallTime wall) {
    start(wall);
    const Tick tick = raw(wall);
    if (tick < newest_ - kTolerated) {
      healed_ += std::chrono::milliseconds(newest_ - tick);
      stepped_ += std::chrono::milliseconds(newest_ - tick);
    } else if (tick > kLatestTick) {
      stepped_ -= std::chrono::milliseconds(tick - newest_);
    }
    newest_ = std::max(raw(wall), newest_);
    return newest_;
  }

  // Sets the range by a first time, if none was seen yet.
  void start(util::WallTime wall) {
    if (!base_) {
      base_ = bounded(wall) - kBaseBefore;
    }
  }

  // Of the time of a finding; out of range is cut.
  Tick to_tick(util::WallTime wall) const { return std::clamp<Tick>(raw(wall), 0, kLatestTick); }
  util::WallTime to_wall(Tick tick) const {
    return util::WallTime(std::chrono::milliseconds(tick) - stepped_ +
                          base_.value_or(std::chrono::microseconds{0}));
  }

  void step(std::chrono::microseconds by) {
    if (by.count() < 0) {
      by = std::min(by + healed_, std::chrono::microseconds{0});
    }
    healed_ = std::chrono::microseconds{0};
    stepped_ -= by;
  }

  // The newest tick handed out.
  Tick newest() const { return newest_; }

 private:
  // Times of findings come from outside and may be anything.
  static std::chrono::microseconds bounded(util::WallTime wall) {
    constexpr std::chrono::microseconds kLimit = std::chrono::hours(24 * 365 * 10'000LL);
    return std::clamp<std::chrono::microseconds>(wall.time_since_epoch(), -kLimit, kLimit);
  }
  Tick raw(util::WallTime wall) const {
    const std::chrono::microseconds time = bounded(wall);
    return std::chrono::floor<std::chrono::milliseconds>(time + stepped_ -
                                                         base_.value_or(time - kBaseBefore))
        .count();
  }

  // In the middle of the range: 17 years either way.
  static constexpr std::chrono::milliseconds kBaseBefore{Tick{1} << 39U};
  // Two readings of the clock by different threads may be this much out of order.
  static constexpr Tick kTolerated = 1000;

  std::optional<std::chrono::microseconds> base_;
  std::chrono::microseconds stepped_{0};
  std::chrono::microseconds healed_{0};
  Tick newest_ = 0;
};

}  // namespace warder::jail
