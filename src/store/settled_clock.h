#pragma once

#include "util/clock.h"

#include <chrono>
#include <optional>

namespace warder::store {

// The wall clock as far as it may be believed when something is removed for its age.
//
// A clock that jumps ahead (a wrong time server, a hand, an intruder who wants the history gone)
// makes everything look old. So a step forward counts only when the clock has stood by it for
// `hold`; until then time goes on from before the step. A step back is followed at once: it removes
// less. One thread.
class SettledClock {
 public:
  // Less than `tolerated` is no step: clocks are corrected all the time.
  SettledClock(std::chrono::microseconds tolerated, std::chrono::microseconds hold)
      : tolerated_(tolerated), hold_(hold) {}

  // At the start: `known` is a time that has been reached for certain, such as that of the newest
  // event. That the clock is far ahead of it may be true (the host was off) and is doubted all the
  // same.
  void begin(util::WallTime known, util::WallTime now, util::MonotonicTime monotonic);

  // Not later than `now`.
  util::WallTime at(util::WallTime now, util::MonotonicTime monotonic);

 private:
  struct Doubted {
    std::chrono::microseconds offset;
    util::MonotonicTime since;
  };

  std::chrono::microseconds tolerated_;
  std::chrono::microseconds hold_;
  std::optional<std::chrono::microseconds> offset_;  // wall less monotonic, as believed
  std::optional<Doubted> doubted_;
};

}  // namespace warder::store
