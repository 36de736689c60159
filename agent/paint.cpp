#include "agent/paint.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace warder::agent {

Paint Paint::of_output() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return Paint(::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') &&
               terminal != nullptr && std::string_view(terminal) != "dumb");
}

std::string Paint::with(std::string_view code, std::string_view text) const {
  return on_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

Progress::Progress(std::string what) : what_(std::move(what)), on_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) {
    fmt::print(stderr, "\r\x1b[K");
  }
}

void Progress::show(std::uint64_t done, std::uint64_t all) {
  if (!on_) {
    return;
  }
  constexpr std::uint64_t kMebi = 1U << 20U;
  constexpr std::uint64_t kKibi = 1U << 10U;
  const bool small = all > 0 && all < 10 * kMebi;
  const std::uint64_t unit = small ? kKibi : kMebi;
  // More than was thought may come: a database grows in its journal.
  const std::uint64_t percent =
      all > 0 ? static_cast<std::uint64_t>(100.0 * static_cast<double>(std::min(done, all)) /
                                           static_cast<double>(all))
              : 0;
  const std::uint64_t mark = all > 0 ? percent : done / unit;
  if (mark == shown_) {
    return;  // nothing that a person sees
  }
  shown_ = mark;
  if (all > 0) {
    fmt::print(stderr, "\r\x1b[K{}: {} of {} {}, {} %", what_, std::min(done, all) / unit,
               all / unit, small ? "KiB" : "MiB", percent);
  } else {
    fmt::print(stderr, "\r\x1b[K{}: {} MiB", what_, done / unit);
  }
  std::fflush(stderr);
}

std::string advice(std::string cause, std::string_view remedy, std::size_t indent,
                   const Paint& paint) {
  const std::string margin(indent, ' ');
  for (std::size_t at = cause.find('\n'); at != std::string::npos; at = cause.find('\n', at + 1)) {
    cause.insert(at + 1, margin);
  }
  std::string text;
  if (!cause.empty()) {
    text += fmt::format("{}{}\n", margin, cause);
  }
  if (!remedy.empty()) {
    text += fmt::format("{}{} {}\n", margin, paint.cyan("->"), remedy);
  }
  return text;
}

}  // namespace warder::agent
