#pragma once

#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::backup {

// When something is due. "never", "hourly", "every 6h", "daily 03:00", "weekly sun 03:00",
// "monthly 31 03:00" (the last day of a shorter month). Times of day are the host's local time; one
// that daylight saving skips is taken an hour later, one that it gives twice comes once.
struct Schedule {
  enum class Kind : std::uint8_t { kNever, kEvery, kDaily, kWeekly, kMonthly };
  Kind kind = Kind::kNever;
  std::chrono::seconds every{0};  // kEvery
  int hour = 0;
  int minute = 0;
  int day = 0;  // kWeekly: 0 is Sunday; kMonthly: 1 to 31
};

util::Result<Schedule> parse_schedule(std::string_view text);

// The first time after `last` at which it is due; empty for never. What was never done is due at
// once: `last` empty gives `now`. A `last` that lies in the future (the clock was set back) counts
// as now, so that a clock that had run ahead does not stop backups for years.
std::optional<util::WallTime> next_due(const Schedule& schedule, std::optional<util::WallTime> last,
                                       util::WallTime now);

}  // namespace warder::backup
