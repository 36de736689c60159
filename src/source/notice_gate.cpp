#include "source/notice_gate.h"

#include <chrono>
#include <utility>

namespace warder::source {

std::optional<std::uint32_t> NoticeGate::pass(NoticeKind kind, util::MonotonicTime now) {
  Window& window = windows_[static_cast<std::size_t>(kind)];
  if (now - window.start >= std::chrono::minutes(1)) {
    window.start = now;
    window.passed = 0;
  }
  if (window.passed == kMost) {
    ++window.withheld;
    return std::nullopt;
  }
  ++window.passed;
  return std::exchange(window.withheld, 0);
}

}  // namespace warder::source
