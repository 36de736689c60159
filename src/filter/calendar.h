#pragma once

#include "filter/time_zone.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace warder::filter {

// How a date counts its weeks.
enum class WeekKind : std::uint8_t {
  kSunday,  // %U: the first Sunday begins week 1
  kMonday,  // %W: the first Monday begins week 1
  kIso,     // %V: the week of the first Thursday is week 1 (ISO 8601)
};

// What a date in a line says; what it leaves out is empty.
struct DateFields {
  std::optional<int> year;
  std::optional<int> month;        // 1 to 12
  std::optional<int> day;          // 1 to 31
  std::optional<int> day_of_year;  // 1 to 366; counts without month and day
  std::optional<int> week;         // 0 to 53; with weekday, counts without all of the above
  std::optional<int> weekday;      // 0 is Monday
  WeekKind week_kind = WeekKind::kMonday;
  int hour = 0;
  int minute = 0;
  int second = 0;  // 60 and 61 are leap seconds
  int microsecond = 0;
  std::optional<std::chrono::seconds> utc_offset;  // east is positive
  // Seconds since 1970 with fraction: then nothing else counts.
  std::optional<std::chrono::microseconds> epoch;
  // It has the form of a date and names a zone that nobody knows.
  bool unreadable = false;
};

// Who decides what a date leaves open.
enum class DateRules : std::uint8_t {
  kOwn,     // what the line most likely means
  kCompat,  // what fail2ban takes it for
};

// Turns what lines say into moments. One thread at a time: it remembers the stretch of time between
// two changes of the clocks that it was asked about last.
class Calendar {
 public:
  // `zone` is that of dates that name none.
  explicit Calendar(TimeZone zone, DateRules rules = DateRules::kOwn)
      : zone_(std::move(zone)), rules_(rules) {}

  // The moment that `fields` mean. Empty when there is no such date (30 February, hour 27).
  //
  // Without a year it is the latest one that is at most a day ahead of `now`: a line of 31 December
  // read on 1 January is of last year; one written a second past midnight by a clock that runs
  // ahead is of next year, but with kCompat of the year that ends, and there 29 February is a date
  // in leap years only. Without month and day it is today, or yesterday when that would be later
  // than `now`. Where the clocks are set back and show a time twice, it is the later one that is
  // not ahead of `now`. Source: reference/fail2ban-compat.md 10.6; fractions of seconds are kept.
  std::optional<util::WallTime> resolve(const DateFields& fields, util::WallTime now);

 private:
  std::chrono::year_month_day civil_date(util::WallTime time,
                                         std::optional<std::chrono::seconds> offset);
  std::optional<util::WallTime> moment(const std::optional<std::chrono::year_month_day>& date,
                                       const DateFields& fields, util::WallTime now);
  std::chrono::sys_seconds from_zone(std::chrono::local_seconds civil, util::WallTime now);

  TimeZone zone_;
  DateRules rules_;
  TimeZone::Period known_{};
};

}  // namespace warder::filter
