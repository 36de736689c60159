#include "backup/retention.h"

#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>

namespace warder::backup {
namespace {

using std::chrono::days;

constexpr std::string_view kReasons[] = {"recent", "daily",  "weekly", "monthly",
                                         "least",  "future", ""};

// Numbers that are equal within one period.
std::int64_t day_of(util::WallTime time) {
  return std::chrono::floor<days>(time).time_since_epoch().count();
}
// 1970-01-01 was a Thursday: weeks begin on Mondays, as those of ISO 8601.
std::int64_t week_of(util::WallTime time) { return (day_of(time) + 3) / 7; }
std::int64_t month_of(util::WallTime time) {
  const std::chrono::year_month_day date(std::chrono::floor<days>(time));
  return static_cast<std::int64_t>(static_cast<int>(date.year())) * 12 +
         static_cast<unsigned>(date.month());
}

// The one to keep of each period; `all` is in order of time.
void mark(std::vector<Verdict>& all, util::WallTime since, Reason reason,
          std::int64_t (*period)(util::WallTime)) {
  std::map<std::int64_t, std::size_t> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].stamp.time < since || all[i].reason == Reason::kFuture) {
      continue;
    }
    const auto [found, fresh] = kept.try_emplace(period(all[i].stamp.time), i);
    if (!fresh && (all[i].proven || !all[found->second].proven)) {
      found->second = i;
    }
  }
  for (const auto& [number, index] : kept) {
    if (all[index].reason == Reason::kNone) {
      all[index].reason = reason;
    }
  }
}

}  // namespace

std::string_view to_string(Reason reason) { return kReasons[static_cast<std::size_t>(reason)]; }

std::vector<Verdict> judge(std::vector<Candidate> candidates, const Retention& retention,
                           Generations generations, util::WallTime now) {
  std::ranges::sort(candidates, {}, &Candidate::stamp);
  std::vector<Verdict> all;
  all.reserve(candidates.size());
  for (const Candidate& one : candidates) {
    Reason reason = Reason::kNone;
    if (one.stamp.time > now) {
      reason = Reason::kFuture;
    } else if (one.stamp.time > now - days(1)) {
      reason = Reason::kRecent;
    }
    all.push_back({one.stamp, one.proven, reason});
  }
  mark(all, now - days(retention.local_days), Reason::kDaily, day_of);
  if (generations == Generations::kAll) {
    mark(all, now - days(retention.cloud_days), Reason::kWeekly, week_of);
    mark(all, now - days(retention.archive_days), Reason::kMonthly, month_of);
  }
  unsigned proven = 0;
  for (auto one = all.rbegin(); one != all.rend() && proven < retention.least; ++one) {
    if (!one->proven) {
      continue;
    }
    ++proven;
    if (one->reason == Reason::kNone) {
      one->reason = Reason::kLeast;
    }
  }
  // While fewer than `least` are proven at all, nothing proves that the others are worthless.
  if (proven < retention.least) {
    for (Verdict& one : all) {
      if (one.reason == Reason::kNone) {
        one.reason = Reason::kLeast;
      }
    }
  }
  return all;
}

std::string picture(const std::vector<Verdict>& verdicts, util::WallTime now) {
  std::string text;
  std::size_t kept = 0;
  for (const Verdict& one : verdicts) {
    const bool goes = one.reason == Reason::kNone;
    kept += goes ? 0 : 1;
    const auto age = std::chrono::floor<std::chrono::hours>(now - one.stamp.time);
    text += fmt::format(
        "  {} {:<20} {:>9} {:<8} {}\n", goes ? '-' : '#', one.stamp.to_string(),
        age.count() < 0 ? "ahead" : fmt::format("{}d {:02}h", age.count() / 24, age.count() % 24),
        goes ? "goes" : to_string(one.reason), one.proven ? "proven" : "not proven");
  }
  text += fmt::format("  {} stay{} (#), {} go{} (-)\n", kept, kept == 1 ? "s" : "",
                      verdicts.size() - kept, verdicts.size() - kept == 1 ? "es" : "");
  return text;
}

}  // namespace warder::backup
