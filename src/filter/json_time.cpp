#include "filter/json_time.h"

#include "filter/date_zone.h"

#include <charconv>
#include <cmath>
#include <string>

namespace warder::filter {

std::optional<util::WallTime> time_from_number(double number) {
  // Not below 1e20: beyond nanoseconds of the year 5138.
  if (!(number >= 0) || number >= 1e20) {
    return std::nullopt;
  }
  const double micros = number < 1e11   ? number * 1e6
                        : number < 1e14 ? number * 1e3
                        : number < 1e17 ? number
                                        : number / 1e3;
  return util::WallTime(std::chrono::microseconds(std::llround(micros)));
}

std::optional<util::WallTime> time_from_text(std::string_view text) {
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && stop == text.data() + text.size() && !text.empty()) {
    return time_from_number(number);
  }
  // The date takes ten bytes, and a blank may stand between it and the time.
  constexpr std::size_t kDateAndBlank = 11;
  const std::size_t blank = text.rfind(' ');
  if (blank == std::string_view::npos || blank < kDateAndBlank) {
    return util::parse_rfc3339(text);
  }
  const auto zone = fixed_zone(text.substr(blank + 1));
  const auto time = util::parse_rfc3339(std::string(text.substr(0, blank)) + "Z");
  return zone && time ? std::optional(*time - *zone) : std::nullopt;
}

}  // namespace warder::filter
