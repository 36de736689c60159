#include "jail/ban_time.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace warder::jail {
namespace {

using Seconds = std::chrono::duration<double>;

double to_seconds(std::chrono::microseconds time) { return Seconds(time).count(); }

std::chrono::microseconds from_seconds(double seconds) {
  if (seconds >= to_seconds(kLongestBan)) {
    return kLongestBan;
  }
  return std::chrono::microseconds(std::llround(std::max(seconds, 0.0) * 1e6));
}

}  // namespace

util::Result<BanTime> BanTime::create(std::optional<std::chrono::microseconds> bantime,
                                      const IncrementOptions& increment) {
  BanTime result;
  result.bantime_ = bantime;
  result.increment_ = increment;
  if (!increment.enabled) {
    return result;
  }
  WARDER_ASSIGN_OR_RETURN(
      const Formula factor,
      Formula::parse(increment.factor, Formula::Names::kNone).with_context("bantime.factor"));
  WARDER_ASSIGN_OR_RETURN(result.factor_, factor.evaluate({}).with_context("bantime.factor"));
  if (result.factor_.number <= 0) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("bantime.factor: {} is not greater than 0", result.factor_.number));
  }
  WARDER_ASSIGN_OR_RETURN(
      result.formula_,
      Formula::parse(increment.formula, Formula::Names::kBan).with_context("bantime.formula"));
  if (!increment.multipliers.empty() || !bantime) {
    return result;
  }
  // Counts that a small site sees; a formula that fails for a very large one falls back at run
  // time.
  for (const std::uint32_t count : {0U, 1U, 2U, 5U, 20U}) {
    if (const auto trial = result.incremented_seconds(count); !trial) {
      return trial.error().with_context(fmt::format("bantime.formula: with ban.Count = {}", count));
    }
  }
  return result;
}

util::Result<double> BanTime::incremented_seconds(std::uint32_t count) const {
  if (!bantime_ || !formula_) {
    return util::Error(util::ErrorCode::kInvalid, "a ban for ever does not get longer");
  }
  const double base = to_seconds(*bantime_);
  if (!increment_.multipliers.empty()) {
    const std::size_t last = increment_.multipliers.size() - 1;
    return base * factor_.number * increment_.multipliers[std::min<std::size_t>(count, last)];
  }
  WARDER_ASSIGN_OR_RETURN(
      const Formula::Value value,
      formula_->evaluate({base, static_cast<double>(count), factor_.number, factor_.whole}));
  return std::max(value.number, base);
}

BanTime::Length BanTime::length(const std::optional<OffenderTable::History>& history,
                                double random) const {
  if (!bantime_ || !increment_.enabled || !history || bantime_->count() <= 0) {
    return {bantime_, false};
  }
  const auto seconds = incremented_seconds(history->count);
  double result = seconds ? *seconds : to_seconds(*bantime_);
  if (increment_.maxtime) {
    result = std::min(result, to_seconds(*increment_.maxtime));
  }
  result += random * to_seconds(increment_.rndtime);
  return {from_seconds(result), !seconds.has_value()};
}

}  // namespace warder::jail
