#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

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
// Reads RFC 3339 and the ISO 8601 spelling without a colon in the offset ("+0200"), which many
// loggers write; a blank may stand for the T. The zone must be there. Fractions beyond microseconds
// are cut, a leap second is the second after. Nothing else may stand before or behind.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace warder::util
