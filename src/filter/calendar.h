#pragma once

#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace warder::filter {

// What a date in a line says; what it leaves out is empty.
struct DateFields {
  std::optional<int> year;
  std::optional<int> month;  // 1 to 12
  std::optional<int> day;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;  // 60 and 61 are leap seconds
  int microsecond = 0;
  std::optional<std::chrono::seconds> utc_offset;  // east is positive
  // Seconds since 1970 with fraction: then nothing else counts.
  std::optional<std::chrono::microseconds> epoch;
};

// Turns what lines say into moments. One thread at a time: it remembers what the system's zone was
// in the hour it was asked about last, because asking the C library costs a look at the file
// system.
class Calendar {
 public:
  // Zone of dates that name none: a fixed offset east of UTC, or the system's zone with its rules.
  explicit Calendar(std::optional<std::chrono::seconds> default_offset)
      : default_offset_(default_offset) {}

  // The moment that `fields` mean. Without a year it is the latest one that is at most a day ahead
  // of `now` (a line of 31 December read on 1 January is of last year; one written a second past
  // midnight by a clock that runs ahead is of next year). Without month and day it is today, or
  // yesterday when that would be later than `now`. Empty when there is no such date (30 February).
  // Source: reference/fail2ban-compat.md 10.6; fractions of seconds are kept.
  std::optional<util::WallTime> resolve(const DateFields& fields, util::WallTime now);

 private:
  // An offset and the hour for which it was found.
  struct Known {
    std::int64_t hour = INT64_MIN;
    std::chrono::seconds offset{};
  };
  std::chrono::year_month_day civil_date(util::WallTime time,
                                         std::optional<std::chrono::seconds> offset);
  std::optional<util::WallTime> moment(const std::chrono::year_month_day& date,
                                       const DateFields& fields,
                                       std::optional<std::chrono::seconds> offset);
  // Of the system's zone; `civil` is what its clocks show, as if it were UTC.
  std::chrono::seconds offset_at_civil(std::chrono::sys_seconds civil);
  std::chrono::seconds offset_at(std::chrono::sys_seconds time);

  std::optional<std::chrono::seconds> default_offset_;
  Known by_civil_;
  Known by_time_;
};

}  // namespace warder::filter
