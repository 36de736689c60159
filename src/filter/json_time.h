#pragma once

#include "util/clock.h"

#include <optional>
#include <string_view>

namespace warder::filter {

// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size: what is
// below 1e11 is seconds (until the year 5138), below 1e14 milliseconds, below 1e17 microseconds.
// Nothing for negative numbers and such as a log cannot mean.
std::optional<util::WallTime> time_from_number(double number);

// RFC 3339, a number as above, or date and time as in RFC 3339 with another zone behind a blank, as
// PostgreSQL writes them ("2026-11-22 12:59:04.931 CET"): see fixed_zone().
std::optional<util::WallTime> time_from_text(std::string_view text);

}  // namespace warder::filter
