#include "filter/time_judge.h"

#include <algorithm>

namespace warder::filter {

JudgedTime judge_time(std::optional<util::WallTime> found, util::WallTime now, Reading reading) {
  if (!found) {
    return {now, false, false};
  }
  if (reading == Reading::kLive &&
      (*found < now - kDateTolerance || *found > now + kDateTolerance)) {
    return {now, false, true};
  }
  return {std::min(*found, now), true, false};
}

}  // namespace warder::filter
