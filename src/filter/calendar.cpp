#include "filter/calendar.h"

#include <ctime>

namespace warder::filter {
namespace {

using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

std::int64_t hour_of(sys_seconds time) {
  return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
}

}  // namespace

seconds Calendar::offset_at(sys_seconds time) {
  const std::int64_t hour = hour_of(time);
  if (by_time_.hour != hour) {
    const std::time_t since_1970 = time.time_since_epoch().count();
    std::tm local{};
    localtime_r(&since_1970, &local);
    by_time_ = {hour, seconds(local.tm_gmtoff)};
  }
  return by_time_.offset;
}

seconds Calendar::offset_at_civil(sys_seconds civil) {
  const std::int64_t hour = hour_of(civil);
  if (by_civil_.hour != hour) {
    const year_month_day date(std::chrono::floor<std::chrono::days>(civil));
    const std::chrono::hh_mm_ss clock(civil - std::chrono::floor<std::chrono::days>(civil));
    std::tm local{};
    local.tm_year = static_cast<int>(date.year()) - 1900;
    local.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
    local.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    local.tm_hour = static_cast<int>(clock.hours().count());
    local.tm_min = static_cast<int>(clock.minutes().count());
    local.tm_sec = static_cast<int>(clock.seconds().count());
    local.tm_isdst = -1;
    const sys_seconds time{seconds(std::mktime(&local))};
    by_civil_ = {hour, civil - time};
  }
  return by_civil_.offset;
}

year_month_day Calendar::civil_date(util::WallTime time, std::optional<seconds> offset) {
  const sys_seconds whole = std::chrono::floor<seconds>(time);
  return year_month_day(
      std::chrono::floor<std::chrono::days>(whole + (offset ? *offset : offset_at(whole))));
}

std::optional<util::WallTime> Calendar::moment(const year_month_day& date, const DateFields& fields,
                                               std::optional<seconds> offset) {
  if (!date.ok()) {
    return std::nullopt;
  }
  const sys_seconds civil = sys_days(date) + std::chrono::hours(fields.hour) +
                            std::chrono::minutes(fields.minute) + seconds(fields.second);
  return util::WallTime(civil - (offset ? *offset : offset_at_civil(civil))) +
         std::chrono::microseconds(fields.microsecond);
}

std::optional<util::WallTime> Calendar::resolve(const DateFields& fields, util::WallTime now) {
  if (fields.epoch) {
    return util::WallTime(*fields.epoch);
  }
  const std::optional<seconds> offset = fields.utc_offset ? fields.utc_offset : default_offset_;
  if (fields.year && fields.month && fields.day) {
    return moment(year_month_day(std::chrono::year(*fields.year),
                                 std::chrono::month(static_cast<unsigned>(*fields.month)),
                                 std::chrono::day(static_cast<unsigned>(*fields.day))),
                  fields, offset);
  }
  const year_month_day today = civil_date(now, offset);
  if (!fields.month || !fields.day) {
    const std::optional<util::WallTime> time = moment(today, fields, offset);
    if (!time || *time <= now) {
      return time;
    }
    return moment(year_month_day(sys_days(today) - std::chrono::days(1)), fields, offset);
  }
  for (int ahead = 1; ahead >= -1; --ahead) {
    const year_month_day date(today.year() + std::chrono::years(ahead),
                              std::chrono::month(static_cast<unsigned>(*fields.month)),
                              std::chrono::day(static_cast<unsigned>(*fields.day)));
    // Spares the look-up of a zone far ahead.
    if (!date.ok() || sys_days(date) > sys_days(today) + std::chrono::days(2)) {
      continue;
    }
    const std::optional<util::WallTime> time = moment(date, fields, offset);
    if (time && *time <= now + std::chrono::days(1)) {
      return time;
    }
  }
  return std::nullopt;
}

}  // namespace warder::filter
