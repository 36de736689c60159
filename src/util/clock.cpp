#include "util/clock.h"

#include <fmt/core.h>

#include <ctime>

namespace warder::util {
namespace {

std::chrono::microseconds read_clock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

}  // namespace

WallTime SystemClock::now() const { return WallTime(read_clock(CLOCK_REALTIME)); }

MonotonicTime SystemClock::monotonic() const { return MonotonicTime(read_clock(CLOCK_BOOTTIME)); }

std::string format_rfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto days = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(seconds - days);
  const auto micros = (time - seconds).count();
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (micros != 0) {
    text += fmt::format(".{:06}", micros);
  }
  text += 'Z';
  return text;
}

}  // namespace warder::util
