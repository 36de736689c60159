#pragma once

#include "util/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace warder::util {

// Reads a time expression of fail2ban: numbers with units (s, min, h, d, w, mo, y and their longer
// spellings, any case), glued or apart, added, with + - * / and parentheses: "600", "10m",
// "1d12h30m", "1.5h", "60*60". A year is 365.25 days, a month a twelfth of it, `m` is minutes.
// The result may be negative ("-1" means permanent where the caller says so).
// Errors: kInvalid with the place in the text. Results beyond +-10,000 years are refused.
// Source: fail2ban 1.1, server/mytime.py, re-specified without its use of eval().
Result<std::chrono::microseconds> parse_duration(std::string_view text);

// The shortest exact spelling in units: "1h30m", "90s" prints as "1m30s", "0s".
// parse_duration(format_duration(d)) == d.
std::string format_duration(std::chrono::microseconds duration);

}  // namespace warder::util
