#pragma once

#include "jail/counting.h"
#include "util/clock.h"

#include <algorithm>
#include <chrono>

namespace warder::jail {

// Turns wall time into ticks that go on steadily when the wall clock is set, and back.
//
// A step that the engine reports (step()) is taken out. One that it does not report is noticed when
// it is backward, because the time of judging never goes back: it is taken out at once, and not
// again when the report comes. An unreported forward step makes what is older than it too old. A
// clock that is wrong by decades (no battery, no network yet) counts as stepped, too.
class SteadyTime {
 public:
  // The tick of judging. Never less than the one before.
  Tick now(util::WallTime wall) {
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

  // The tick of a finding of an earlier run: the time of judging does not begin before it, even if
  // the clock does.
  Tick restored(util::WallTime wall) {
    const Tick tick = to_tick(wall);
    newest_ = std::max(newest_, tick);
    return tick;
  }

  // Of the time of a finding; out of range is cut.
  Tick to_tick(util::WallTime wall) const { return std::clamp<Tick>(raw(wall), 0, kLatestTick); }
  util::WallTime to_wall(Tick tick) const {
    return util::WallTime(kBase + std::chrono::milliseconds(tick) - stepped_);
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
  // 2020-01-01T00:00:00Z; 40 bits of milliseconds reach to 2054 from there. The same for each run,
  // so that what is derived from ticks is the same after a restart.
  static constexpr std::chrono::seconds kBase{1'577'836'800};
  // Two readings of the clock by different threads may be this much out of order.
  static constexpr Tick kTolerated = 1000;

  Tick raw(util::WallTime wall) const {
    // Times of findings come from outside and may be anything.
    constexpr std::chrono::microseconds kLimit = std::chrono::hours(24 * 365 * 10'000LL);
    const auto time =
        std::clamp<std::chrono::microseconds>(wall.time_since_epoch(), -kLimit, kLimit);
    return std::chrono::floor<std::chrono::milliseconds>(time + stepped_ - kBase).count();
  }

  std::chrono::microseconds stepped_{0};
  std::chrono::microseconds healed_{0};
  Tick newest_ = 0;
};

}  // namespace warder::jail
