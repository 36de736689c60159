// A datepattern suggested for a line is one that a filter may have.
#include "engine/date_guess.h"
#include "filter/date_pattern.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const std::string guess = warder::engine::guess_datepattern(line);
  if (guess.empty()) {
    return 0;
  }
  const auto pattern = warder::filter::DatePattern::compile(guess);
  if (!pattern) {
    std::abort();
  }
  return 0;
}
