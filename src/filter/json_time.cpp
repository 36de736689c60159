#include "filter/json_time.h"

#include <charconv>
#include <cmath>

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
  return util::parse_rfc3339(text);
}

}  // namespace warder::filter
