#pragma once

#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace warder::filter {

// How the log is being read.
enum class Reading : std::uint8_t {
  kLive,     // lines come as they are written: a date far from now is wrong, the line happens now
  kCatchUp,  // lines were written earlier (after a restart, in a replay): their own date counts
};

struct JudgedTime {
  util::WallTime time;
  bool from_line = false;  // Finding::time_from_line
  bool off = false;        // the date was there and was not believed: kDateOff
};

// Beyond this a live line's date is taken for a wrong clock or zone.
inline constexpr std::chrono::seconds kDateTolerance{60};

// The time of an event whose line says `found`. Live: `found` if within kDateTolerance of `now`,
// else `now`. Catching up: `found`. Never later than `now`. Without a date: `now`.
// Source: reference/fail2ban-compat.md 10.7.
JudgedTime judge_time(std::optional<util::WallTime> found, util::WallTime now, Reading reading);

}  // namespace warder::filter
