// Lines of fail2ban's log: whatever stands there, a parsed line names a jail of its own text.
#include "fail2ban/log_line.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto line = warder::fail2ban::parse_log_line(input)) {
    if (line->jail.empty() || input.find("[" + line->jail + "]") == std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
