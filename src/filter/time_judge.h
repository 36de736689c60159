#pragma once

#include "filter/calendar.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace warder::filter {

// How the log is being read.
enum class Reading : std::uint8_t {
  kLive,     // lines come as they are written: a date far from now is wrong, the line happens now
  kCatchUp,  // lines were written earlier (after a restart, in a replay): their own date counts
  // Lines are looked at, not acted on: their own date counts, even one that lies ahead.
  kAsWritten,
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
// kCompat counts whole seconds towards now, as fail2ban does: 60.9 s are not more than a minute.
// Source: reference/fail2ban-compat.md 10.7.
JudgedTime judge_time(std::optional<util::WallTime> found, util::WallTime now, Reading reading,
                      DateRules rules = DateRules::kOwn);

// The date of the last line that had one, for lines without (kCompat): fail2ban gives a line
// without a date that of the line before, if it is less than a minute old.
class LastDate {
 public:
  // Every line with a date, whether it matches anything or not.
  void see(const DateFields& fields, util::WallTime now, Reading reading) {
    fields_ = fields;
    now_ = now;
    reading_ = reading;
  }
  // The time of an event whose line has no date. Empty when the event has none: its line was
  // written at an unknown time before the agent looked (kCatchUp).
  std::optional<JudgedTime> judge(Calendar& calendar, util::WallTime now, Reading reading) const;

 private:
  // Converted only when it is asked for, as most lines concern nobody.
  std::optional<DateFields> fields_;
  util::WallTime now_{};
  Reading reading_ = Reading::kLive;
};

}  // namespace warder::filter
