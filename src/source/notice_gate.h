#pragma once

#include "source/notice.h"
#include "util/clock.h"

#include <array>
#include <cstdint>
#include <optional>

namespace warder::source {

// Lets at most ten notices of one kind through in a minute, so that a log which changes state all
// the time floods nobody. One for each log.
class NoticeGate {
 public:
  static constexpr std::uint32_t kMost = 10;

  // Nothing when the notice is to be withheld; else how many of its kind were since the last one.
  std::optional<std::uint32_t> pass(NoticeKind kind, util::MonotonicTime now);

 private:
  struct Window {
    util::MonotonicTime start{};
    std::uint32_t passed = 0;
    std::uint32_t withheld = 0;
  };
  std::array<Window, 17> windows_{};
};

}  // namespace warder::source
