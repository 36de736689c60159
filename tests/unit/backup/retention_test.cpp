#include "backup/retention.h"

#include <catch2/catch.hpp>

#include <map>

namespace warder::backup {
namespace {

using std::chrono::days;
using std::chrono::hours;

util::WallTime at(std::string_view text) { return util::parse_rfc3339(text).value(); }

std::map<std::string, std::string> reasons(const std::vector<Verdict>& verdicts) {
  std::map<std::string, std::string> all;
  for (const Verdict& one : verdicts) {
    all[one.stamp.to_string().substr(0, 8)] = to_string(one.reason);
  }
  return all;
}

// One a day at 03:00 for so many days up to `now`.
std::vector<Candidate> daily(util::WallTime now, int count, bool proven = true) {
  std::vector<Candidate> all;
  for (int i = 0; i < count; ++i) {
    all.push_back({{now - days(i) - hours(9), 0}, proven});
  }
  return all;
}

TEST_CASE("of two years of daily backups a day, a week and a month each keep one") {
  const util::WallTime now = at("2026-11-25T12:00:00Z");  // a Wednesday
  const auto verdicts = judge(daily(now, 730), {}, Generations::kAll, now);
  std::map<Reason, int> count;
  for (const Verdict& one : verdicts) {
    ++count[one.reason];
  }
  CHECK(count[Reason::kRecent] == 1);
  CHECK(count[Reason::kDaily] == 6);
  // Sundays of the weeks that the last 30 days touch and that no daily stands for.
  CHECK(count[Reason::kWeekly] == 3);
  CHECK(count[Reason::kMonthly] == 12);
  CHECK(count[Reason::kNone] == 730 - 22);
  const auto all = reasons(verdicts);
  CHECK(all.at("20261125") == "recent");
  CHECK(all.at("20261119") == "daily");
  CHECK(all.at("20261118").empty());
  CHECK(all.at("20261115") == "weekly");
  CHECK(all.at("20261101") == "weekly");
  CHECK(all.at("20261031") == "monthly");
  CHECK(all.at("20260131") == "monthly");
  CHECK(all.at("20251130") == "monthly");
}

TEST_CASE("a place for dailies keeps dailies, and never fewer than the least proven") {
  const util::WallTime now = at("2026-11-25T12:00:00Z");
  auto verdicts = judge(daily(now, 40), {}, Generations::kDailyOnly, now);
  CHECK(std::ranges::count(verdicts, Reason::kNone, &Verdict::reason) == 33);
  // All are old: the newest three stay.
  verdicts = judge(daily(now - days(1000), 10), {}, Generations::kAll, now);
  CHECK(std::ranges::count(verdicts, Reason::kLeast, &Verdict::reason) == 3);
  CHECK(verdicts.back().reason == Reason::kLeast);
  // Fewer are proven than shall stay: none may go.
  verdicts = judge(daily(now - days(1000), 10, false), {}, Generations::kAll, now);
  CHECK(std::ranges::count(verdicts, Reason::kNone, &Verdict::reason) == 0);
}

TEST_CASE("of one day the newest proven one stays, and what lies ahead is never judged old") {
  const util::WallTime now = at("2026-11-25T12:00:00Z");
  std::vector<Candidate> all{{{at("2026-11-20T01:00:00Z"), 0}, true},
                             {{at("2026-11-20T02:00:00Z"), 0}, true},
                             {{at("2026-11-20T03:00:00Z"), 0}, false},
                             {{at("2027-11-20T03:00:00Z"), 0}, true}};
  Retention retention;
  retention.least = 1;
  const auto verdicts = judge(all, retention, Generations::kAll, now);
  CHECK(verdicts[0].reason == Reason::kNone);
  CHECK(verdicts[1].reason == Reason::kDaily);
  CHECK(verdicts[2].reason == Reason::kNone);
  CHECK(verdicts[3].reason == Reason::kFuture);
  const std::string text = picture(verdicts, now);
  CHECK(text.find("# 20261120T020000Z") != std::string::npos);
  CHECK(text.find("- 20261120T010000Z") != std::string::npos);
  CHECK(text.find("2 stay (#), 2 go (-)") != std::string::npos);
}

}  // namespace
}  // namespace warder::backup
