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

// The moment that `fields` mean. Without a year it is the latest one that is at most a day ahead of
// `now` (a line of 31 December read on 1 January is of last year; one written a second past
// midnight by a clock that runs ahead is of next year). Without month and day it is today, or
// yesterday when that would be later than `now`. Without a zone it is `default_offset`, or the zone
// of the system with its rules. Empty when there is no such date (30 February).
// Source: reference/fail2ban-compat.md 10.6; fractions of seconds are kept.
std::optional<util::WallTime> resolve(const DateFields& fields, util::WallTime now,
                                      std::optional<std::chrono::seconds> default_offset);

}  // namespace warder::filter
