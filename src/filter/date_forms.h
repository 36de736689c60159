#pragma once

#include "filter/date_pattern.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace warder::filter {

// The forms of dates that nearly all logs have, read by hand because every line of every log passes
// here. Each finds exactly what its template of reference/fail2ban-compat.md 10.4 finds, compiled
// by date_pattern.h (tests/fuzz/filter_date holds the one against the other).
enum class DateForm : std::uint8_t {
  kIso,         // template 1: 2026-07-31T21:59:59.123+02:00
  kSyslog,      // template 2: Jul 31 21:59:59
  kSyslogYear,  // template 3: Jul 31 2026 21:59:59
  kWeb,         // template 5: 31/Jul/2026:09:22:55 -0700
  kEpoch,      // template 8: seconds since 1970 at the begin of the line, behind [ there, or behind
               // audit(; the reference looks for ] and :4) behind them, but takes what has neither
  kLongEpoch,  // the same with milliseconds or microseconds too
};

// The date of that form that begins exactly at `at`, and cuts no word in two.
std::optional<FoundDate> read_date(DateForm form, std::string_view text, std::size_t at);

// The first that begins at `from` or behind.
std::optional<FoundDate> find_date(DateForm form, std::string_view text, std::size_t from);

// At the begin of the line, behind at most two characters of no word ({^LN-BEG}). Not for epochs.
std::optional<FoundDate> find_date_at_begin(DateForm form, std::string_view text);

}  // namespace warder::filter
