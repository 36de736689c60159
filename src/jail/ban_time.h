#pragma once

#include "jail/formula.h"
#include "jail/offender_table.h"
#include "jail/options.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace warder::jail {

// A ban never lasts longer than this unless it is permanent; longer results are cut.
constexpr std::chrono::microseconds kLongestBan = std::chrono::hours(24 * 365 * 50);

// How long a ban lasts: bantime, and what bantime.increment makes of it for a known offender
// (fail2ban-compat 16.3). Computed before the ban is made, so the kernel, the store and the reports
// agree from the first moment (there the reference extends the ban later). Immutable.
class BanTime {
 public:
  // kInvalid, naming the option: an expression that does not parse, or fails on trial, or a factor
  // that is not positive.
  static util::Result<BanTime> create(std::optional<std::chrono::microseconds> bantime,
                                      const IncrementOptions& increment);

  struct Length {
    std::optional<std::chrono::microseconds> time;  // permanent when empty
    // The formula failed for this count; `time` is the plain bantime.
    bool formula_failed = false;
  };
  // `history` is empty for an unknown offender: plain bantime, without random part. `random` from 0
  // to 1 (excluded) scales rndtime.
  Length length(const std::optional<OffenderTable::History>& history, double random) const;

 private:
  BanTime() = default;
  util::Result<double> incremented_seconds(std::uint32_t count) const;

  std::optional<std::chrono::microseconds> bantime_;
  IncrementOptions increment_;
  Formula::Value factor_{1, true};
  std::optional<Formula> formula_;
};

}  // namespace warder::jail
