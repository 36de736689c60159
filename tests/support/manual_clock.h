#pragma once

#include "util/clock.h"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace warder::testing {

// A clock that stands still until a test moves it. Thread safe.
class ManualClock : public util::Clock {
 public:
  // 2026-11-02T12:00:00Z unless told otherwise.
  explicit ManualClock(util::WallTime start = util::WallTime(std::chrono::seconds(1793620800)))
      : wall_(start.time_since_epoch().count()) {}

  util::WallTime now() const override {
    return util::WallTime(std::chrono::microseconds(wall_.load()));
  }
  util::MonotonicTime monotonic() const override {
    return util::MonotonicTime(std::chrono::microseconds(monotonic_.load()));
  }
  // Time passes.
  void advance(std::chrono::microseconds by) {
    wall_ += by.count();
    monotonic_ += by.count();
  }
  // Somebody sets the clock: the monotonic time does not change.
  void set_wall(util::WallTime time) { wall_ = time.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> wall_;
  std::atomic<std::int64_t> monotonic_{1'000'000'000};
};

}  // namespace warder::testing
