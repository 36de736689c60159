#pragma once

#include <chrono>
#include <string>

namespace warder::util {

// Wall time, for stamps that people read and that are stored. May jump.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
// Time that only goes forward, for windows and limits. Meaningless after a reboot.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

// Where every module gets the time from, so that tests can move it by hand
// (tests/support/manual_clock.h). Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

// CLOCK_REALTIME and CLOCK_BOOTTIME (which, other than CLOCK_MONOTONIC, counts suspended time: a
// ban of an hour ends an hour later, asleep or not).
class SystemClock : public Clock {
 public:
  WallTime now() const override;
  MonotonicTime monotonic() const override;
};

// "2026-11-02T12:00:00.123456Z" (RFC 3339, UTC); the fraction is left out when it is zero.
std::string format_rfc3339(WallTime time);

}  // namespace warder::util
