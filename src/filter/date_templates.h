#pragma once

#include "filter/calendar.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace warder::filter {

// A date in a line: what it says and which part of the line it is. That part is cut out before any
// pattern sees the line.
struct FoundDate {
  std::size_t begin = 0;
  std::size_t end = 0;
  DateFields fields;
};

// Where a date may stand.
enum class DatePlace {
  kAnywhere,
  kLineBegin,  // at most two non-word characters before it
};

// Reads a date of the built-in forms that begins exactly at `at`:
//   2026-07-31T21:59:59.123+02:00   also / or . between the numbers, blank for T, comma, Z, no zone
//   Jul 31 21:59:59                 syslog; also with weekday, fraction, year behind or before the
//   time 31/Jul/2026:09:22:55 -0700      web servers; also - between, blank for the colon
// The character before `at` and the one behind the date must not continue a word.
// Hand-written because every line of every log passes here.
std::optional<FoundDate> builtin_date_at(std::string_view text, std::size_t at);

// The built-in date that begins first; in addition seconds since 1970 at the begin of the line, in
// brackets there, or as audit(1785500000.123:4).
std::optional<FoundDate> find_builtin_date(std::string_view text, DatePlace place);

// Seconds since 1970 only (datepattern = EPOCH), at the places named above.
std::optional<FoundDate> find_epoch(std::string_view text, DatePlace place);

}  // namespace warder::filter
