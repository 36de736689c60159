#pragma once

#include <string>
#include <string_view>

namespace warder::engine {

// A datepattern for a date near the begin of a line that has one of the common forms: numbers of
// year, month and day with any separators (or a month's name), then the time. Empty when nothing
// there looks like a date. Only a suggestion for people: of 01/02/2026 nobody can tell the month.
std::string guess_datepattern(std::string_view line);

}  // namespace warder::engine
