#pragma once

#include <string_view>

namespace warder::testing {

// The first line of an input, without its end, which is taken off.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace warder::testing
