#include "filter/calendar.h"

namespace warder::filter {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;
using std::chrono::year_month_day;

// No clock is further than this from UTC.
constexpr hours kWidestOffset{26};
// A clock that runs ahead by less makes no date one of the future.
constexpr seconds kAhead{60};

// A day counted from the first of January, which is 1; may fall into a year beside.
year_month_day nth_day(year of, int number) {
  return year_month_day(local_days(of / 1 / 1) + days(number - 1));
}

// The day of week `week` of a year; `weekday` as in DateFields.
year_month_day day_of_week(year of, int week, WeekKind kind, int weekday) {
  if (kind == WeekKind::kIso) {
    // 4 January is always in week 1.
    const std::chrono::weekday fourth(local_days(of / 1 / 4));
    return nth_day(of, 4 - static_cast<int>(fourth.iso_encoding() - 1) + (week - 1) * 7 + weekday);
  }
  const std::chrono::weekday january(local_days(of / 1 / 1));
  int first = static_cast<int>(january.iso_encoding()) - 1;
  if (kind == WeekKind::kSunday) {
    first = (first + 1) % 7;
    weekday = (weekday + 1) % 7;
  }
  // Week 0 has the days before the first begin of a week; where the year begins with a week it is
  // taken for week 1.
  const int start = first == 0 && week > 0 ? -7 : -first;
  return nth_day(of, 1 + start + week * 7 + weekday);
}

bool has_day(const DateFields& fields) {
  return fields.month || fields.day || fields.day_of_year || (fields.week && fields.weekday);
}

// The day that `fields` name in a year. Empty when there is none.
std::optional<year_month_day> day_in(year of, const DateFields& fields) {
  std::optional<year_month_day> date;
  if (fields.month && fields.day) {
    date = of / std::chrono::month(static_cast<unsigned>(*fields.month)) /
           std::chrono::day(static_cast<unsigned>(*fields.day));
  } else if (fields.day_of_year) {
    date = nth_day(of, *fields.day_of_year);
  } else if (fields.week && fields.weekday) {
    date = day_of_week(of, *fields.week, fields.week_kind, *fields.weekday);
  }
  return date && date->ok() ? date : std::nullopt;
}

}  // namespace

sys_seconds Calendar::from_zone(local_seconds civil, util::WallTime now) {
  const sys_seconds quick(civil.time_since_epoch() - known_.offset);
  if (quick >= known_.begin + kWidestOffset && quick < known_.end - kWidestOffset) {
    return quick;
  }
  const auto [earlier, later] = zone_.moments(civil);
  known_ = zone_.period_at(later);
  return later <= now + kAhead ? later : earlier;
}

year_month_day Calendar::civil_date(util::WallTime time, std::optional<seconds> offset) {
  const sys_seconds whole = std::chrono::floor<seconds>(time);
  if (!offset) {
    if (whole < known_.begin || whole >= known_.end) {
      known_ = zone_.period_at(whole);
    }
    offset = known_.offset;
  }
  return year_month_day(std::chrono::floor<days>(whole + *offset));
}

std::optional<util::WallTime> Calendar::moment(const std::optional<year_month_day>& date,
                                               const DateFields& fields, util::WallTime now) {
  if (!date) {
    return std::nullopt;
  }
  const local_seconds civil = local_days(*date) + hours(fields.hour) +
                              std::chrono::minutes(fields.minute) + seconds(fields.second);
  const sys_seconds time = fields.utc_offset
                               ? sys_seconds(civil.time_since_epoch() - *fields.utc_offset)
                               : from_zone(civil, now);
  return util::WallTime(time) + std::chrono::microseconds(fields.microsecond);
}

std::optional<util::WallTime> Calendar::resolve(const DateFields& fields, util::WallTime now) {
  if (fields.epoch) {
    return util::WallTime(*fields.epoch);
  }
  if (fields.unreadable || fields.hour > 23 || fields.minute > 59 || fields.second > 61) {
    return std::nullopt;
  }
  if (!has_day(fields)) {
    year_month_day date = civil_date(now, fields.utc_offset);
    if (fields.year) {
      date = year(*fields.year) / date.month() / date.day();
    }
    if (!date.ok()) {
      return std::nullopt;
    }
    const std::optional<util::WallTime> time = moment(date, fields, now);
    // The second that is now is not ahead, whatever its fraction.
    if (!time || std::chrono::floor<seconds>(*time) <= now) {
      return time;
    }
    return moment(year_month_day(local_days(date) - days(1)), fields, now);
  }
  if (fields.year) {
    return moment(day_in(year(*fields.year), fields), fields, now);
  }
  const year_month_day today = civil_date(now, fields.utc_offset);
  for (int ahead = rules_ == DateRules::kOwn ? 1 : 0; ahead >= -1; --ahead) {
    const auto date = day_in(today.year() + std::chrono::years(ahead), fields);
    if (!date && rules_ == DateRules::kCompat) {
      return std::nullopt;
    }
    // Spares the look-up of a zone far ahead.
    if (!date || sys_days(*date) > sys_days(today) + days(2)) {
      continue;
    }
    const std::optional<util::WallTime> time = moment(date, fields, now);
    if (time && *time <= now + days(1)) {
      return time;
    }
  }
  return std::nullopt;
}

}  // namespace warder::filter
