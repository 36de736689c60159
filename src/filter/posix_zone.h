#pragma once

#include "util/result.h"

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

namespace warder::filter {

// The rule of a zone as the variable TZ and the last line of a TZif file write it, such as
// "CET-1CEST,M3.5.0,M10.5.0/3": standard time, summer time, and when the one follows the other in
// every year. A plain value, thread safe.
// Source: POSIX.1-2017 8.3 (TZ) with the wider hours of RFC 8536 3.3.1.
class PosixZone {
 public:
  // kInvalid. Without days for the change those of the United States are taken, as glibc does.
  static util::Result<PosixZone> parse(std::string_view text);

  // A change of the clocks: from `at` on, clocks are `offset` east of UTC.
  struct Change {
    std::chrono::sys_seconds at;
    std::chrono::seconds offset;
  };
  // The two changes of that year in the order of time; empty without summer time.
  std::optional<std::array<Change, 2>> changes(std::chrono::year of) const;
  std::chrono::seconds standard_offset() const { return standard_; }

 private:
  struct Day {
    enum class Kind { kJulian, kOrdinal, kMonth } kind = Kind::kMonth;
    unsigned month = 1;
    unsigned week = 1;    // 5 is the last
    unsigned number = 0;  // of the weekday (0 is Sunday), or of the day in the year
    std::chrono::seconds time{7200};
    std::chrono::local_seconds in(std::chrono::year of) const;
  };
  class Reader;

  std::chrono::seconds standard_{0};
  std::chrono::seconds summer_{0};
  std::optional<std::array<Day, 2>> days_;  // begin and end of summer time
};

}  // namespace warder::filter
