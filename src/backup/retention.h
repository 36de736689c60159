#pragma once

#include "backup/stamp.h"
#include "util/clock.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace warder::backup {

// Grandfather, father, son: one backup a day for `local_days`, one a week for `cloud_days`, one a
// month for `archive_days`, all of the last day, and never fewer than `least` proven ones.
struct Retention {
  unsigned local_days = 7;
  unsigned cloud_days = 30;
  unsigned archive_days = 365;
  unsigned least = 3;
};

enum class Place : std::uint8_t { kLocal, kStorage };

struct Candidate {
  Stamp stamp;
  bool proven = false;  // it has been restored at least once
};

enum class Reason : std::uint8_t {
  kRecent,  // of the last day
  kDaily,
  kWeekly,
  kMonthly,
  kLeast,   // among the newest proven ones
  kFuture,  // its time has not come: a clock was wrong
  kNone,    // may go
};
std::string_view to_string(Reason reason);

struct Verdict {
  Stamp stamp;
  bool proven = false;
  Reason reason = Reason::kNone;
};

// What becomes of each, oldest first. Days, weeks (ISO 8601) and months are those of UTC. Of one
// period the newest proven backup stays, or the newest if none is proven. `wide` holds weeklies and
// monthlies too; a place without them keeps dailies only.
enum class Generations : std::uint8_t { kDailyOnly, kAll };
std::vector<Verdict> judge(std::vector<Candidate> candidates, const Retention& retention,
                           Generations generations, util::WallTime now);

// The verdicts as a picture, one line a backup, for a terminal or a mail.
std::string picture(const std::vector<Verdict>& verdicts, util::WallTime now);

}  // namespace warder::backup
