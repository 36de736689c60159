#include "backup/schedule.h"

#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <vector>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::chrono::seconds kShortest{60};

util::Error wrong(std::string_view text) {
  return Error(
      ErrorCode::kInvalid,
      fmt::format("'{}' is no schedule; write never, hourly, every 6h, daily 03:00, weekly "
                  "sun 03:00 or monthly 1 03:00",
                  util::printable(text)));
}

std::optional<int> number(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return std::nullopt;
  }
  return value;
}

bool read_time(std::string_view text, Schedule& schedule) {
  const auto parts = util::split(text, ':');
  if (parts.size() != 2 || parts[1].size() != 2) {
    return false;
  }
  const auto hour = number(parts[0], 0, 23);
  const auto minute = number(parts[1], 0, 59);
  schedule.hour = hour.value_or(0);
  schedule.minute = minute.value_or(0);
  return hour && minute;
}

std::tm local(util::WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

util::WallTime from_local(std::tm parts) {
  parts.tm_isdst = -1;
  return util::WallTime(std::chrono::seconds(std::mktime(&parts)));
}

int days_in_month(int year, int month) {
  constexpr int kDaysIn[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int full = year + 1900;
  const bool leap = (full % 4 == 0 && full % 100 != 0) || full % 400 == 0;
  return month == 1 && leap ? 29 : kDaysIn[month];
}

// The time of day of `schedule` on the n-th day, week or month after that of `from`.
util::WallTime occurrence(const Schedule& schedule, const std::tm& from, int n) {
  std::tm parts{};
  parts.tm_year = from.tm_year;
  parts.tm_mon = from.tm_mon;
  parts.tm_mday = from.tm_mday;
  parts.tm_hour = schedule.hour;
  parts.tm_min = schedule.minute;
  switch (schedule.kind) {
    case Schedule::Kind::kDaily:
      parts.tm_mday += n;
      break;
    case Schedule::Kind::kWeekly:
      parts.tm_mday += schedule.day - from.tm_wday + 7 * n;
      break;
    default: {
      const int month = from.tm_mon + n;
      parts.tm_year += month / 12;
      parts.tm_mon = month % 12;
      parts.tm_mday = std::min(schedule.day, days_in_month(parts.tm_year, parts.tm_mon));
      break;
    }
  }
  return from_local(parts);
}

}  // namespace

util::Result<Schedule> parse_schedule(std::string_view text) {
  const std::string lower = util::to_lower(text);
  const std::vector<std::string_view> words = util::split_words(lower);
  Schedule schedule;
  if (words.empty()) {
    return wrong(text);
  }
  const std::string_view kind = words[0];
  if (kind == "never" && words.size() == 1) {
    return schedule;
  }
  if (kind == "hourly" && words.size() == 1) {
    schedule.kind = Schedule::Kind::kEvery;
    schedule.every = std::chrono::hours(1);
    return schedule;
  }
  if (kind == "every" && words.size() == 2) {
    const auto every = util::parse_duration(words[1]);
    if (!every || *every < kShortest || *every > std::chrono::hours(24 * 366)) {
      return wrong(text);
    }
    schedule.kind = Schedule::Kind::kEvery;
    schedule.every = std::chrono::duration_cast<std::chrono::seconds>(*every);
    return schedule;
  }
  if (kind == "daily" && words.size() == 2 && read_time(words[1], schedule)) {
    schedule.kind = Schedule::Kind::kDaily;
    return schedule;
  }
  if (words.size() == 3 && read_time(words[2], schedule)) {
    if (kind == "weekly") {
      const auto* const day = std::ranges::find(kDays, words[1].substr(0, 3));
      if (day != std::end(kDays)) {
        schedule.kind = Schedule::Kind::kWeekly;
        schedule.day = static_cast<int>(day - std::begin(kDays));
        return schedule;
      }
    }
    if (kind == "monthly") {
      if (const auto day = number(words[1], 1, 31)) {
        schedule.kind = Schedule::Kind::kMonthly;
        schedule.day = *day;
        return schedule;
      }
    }
  }
  return wrong(text);
}

std::optional<util::WallTime> next_due(const Schedule& schedule, std::optional<util::WallTime> last,
                                       util::WallTime now) {
  if (schedule.kind == Schedule::Kind::kNever) {
    return std::nullopt;
  }
  if (!last) {
    return now;
  }
  const util::WallTime from = std::min(*last, now);
  if (schedule.kind == Schedule::Kind::kEvery) {
    return from + schedule.every;
  }
  const std::tm parts = local(from);
  for (int n = 0;; ++n) {
    const util::WallTime at = occurrence(schedule, parts, n);
    if (at > from) {
      return at;
    }
  }
}

}  // namespace warder::backup
