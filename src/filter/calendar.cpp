#include "filter/calendar.h"

#include <ctime>

namespace warder::filter {
namespace {

using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Wall-clock reading of a moment, in the zone of the system or at an offset.
year_month_day civil_date(util::WallTime time, std::optional<seconds> offset) {
  if (offset) {
    return year_month_day(std::chrono::floor<std::chrono::days>(time + *offset));
  }
  const std::time_t now = std::chrono::floor<seconds>(time).time_since_epoch().count();
  std::tm local{};
  localtime_r(&now, &local);
  return year_month_day(std::chrono::year(local.tm_year + 1900),
                        std::chrono::month(static_cast<unsigned>(local.tm_mon + 1)),
                        std::chrono::day(static_cast<unsigned>(local.tm_mday)));
}

std::optional<util::WallTime> moment(const year_month_day& date, const DateFields& fields,
                                     std::optional<seconds> offset) {
  if (!date.ok()) {
    return std::nullopt;
  }
  const auto fraction = std::chrono::microseconds(fields.microsecond);
  if (offset) {
    return util::WallTime(sys_days(date) + std::chrono::hours(fields.hour) +
                          std::chrono::minutes(fields.minute) + seconds(fields.second) - *offset) +
           fraction;
  }
  std::tm local{};
  local.tm_year = static_cast<int>(date.year()) - 1900;
  local.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  local.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  local.tm_hour = fields.hour;
  local.tm_min = fields.minute;
  local.tm_sec = fields.second;
  local.tm_isdst = -1;
  return util::WallTime(seconds(std::mktime(&local))) + fraction;
}

}  // namespace

std::optional<util::WallTime> resolve(const DateFields& fields, util::WallTime now,
                                      std::optional<seconds> default_offset) {
  if (fields.epoch) {
    return util::WallTime(*fields.epoch);
  }
  const std::optional<seconds> offset = fields.utc_offset ? fields.utc_offset : default_offset;
  const year_month_day today = civil_date(now, offset);
  if (!fields.month || !fields.day) {
    const std::optional<util::WallTime> time = moment(today, fields, offset);
    if (!time || *time <= now) {
      return time;
    }
    return moment(year_month_day(sys_days(today) - std::chrono::days(1)), fields, offset);
  }
  const std::chrono::month month(static_cast<unsigned>(*fields.month));
  const std::chrono::day day(static_cast<unsigned>(*fields.day));
  if (fields.year) {
    return moment(year_month_day(std::chrono::year(*fields.year), month, day), fields, offset);
  }
  for (int ahead = 1; ahead >= -1; --ahead) {
    const year_month_day date(today.year() + std::chrono::years(ahead), month, day);
    const std::optional<util::WallTime> time = moment(date, fields, offset);
    if (time && *time <= now + std::chrono::days(1)) {
      return time;
    }
  }
  return std::nullopt;
}

}  // namespace warder::filter
