#include "filter/time_judge.h"

#include <algorithm>

namespace warder::filter {

JudgedTime judge_time(std::optional<util::WallTime> found, util::WallTime now, Reading reading,
                      DateRules rules) {
  if (!found) {
    return {now, false, false};
  }
  std::chrono::microseconds distance = *found < now ? now - *found : *found - now;
  if (rules == DateRules::kCompat) {
    distance = std::chrono::floor<std::chrono::seconds>(distance);
  }
  if (reading == Reading::kLive && distance > kDateTolerance) {
    return {now, false, true};
  }
  return {reading == Reading::kAsWritten ? *found : std::min(*found, now), true, false};
}

std::optional<JudgedTime> LastDate::judge(Calendar& calendar, util::WallTime now,
                                          Reading reading) const {
  if (fields_) {
    if (const auto found = calendar.resolve(*fields_, now_)) {
      // One that was not believed counts as what it was taken for.
      const util::WallTime last =
          judge_time(found, now_, reading_, DateRules::kCompat).off ? now_ : *found;
      if (last > now - kDateTolerance) {
        return judge_time(last, now, reading, DateRules::kCompat);
      }
    }
  }
  return reading == Reading::kCatchUp ? std::nullopt : std::optional(JudgedTime{now, false, false});
}

}  // namespace warder::filter
