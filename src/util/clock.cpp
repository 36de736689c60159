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

// Takes exactly `digits` decimal digits off the front; nothing when they are not there.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text[0]) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// ".123456789" if it stands there. Nothing for a point without digits.
std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
  std::chrono::microseconds fraction{0};
  if (!take_one_of(text, ".,")) {
    return fraction;
  }
  int unit = 100'000;
  bool any = false;
  while (const auto digit = take_number(text, 1)) {
    fraction += std::chrono::microseconds(unit * *digit);
    unit /= 10;
    any = true;
  }
  return any ? std::optional(fraction) : std::nullopt;
}

// "Z", "+02:00" or "+0200".
std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
  if (take_one_of(text, "Zz")) {
    return std::chrono::minutes(0);
  }
  const bool west = text.starts_with('-');
  if (!take_one_of(text, "+-")) {
    return std::nullopt;
  }
  const auto hours = take_number(text, 2);
  take_one_of(text, ":");
  const auto minutes = take_number(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) {
    return std::nullopt;
  }
  const auto offset = std::chrono::minutes(*hours * 60 + *minutes);
  return west ? -offset : offset;
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

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto year = take_number(text, 4);
  const bool dash = take_one_of(text, "-");
  const auto month = take_number(text, 2);
  const bool second_dash = take_one_of(text, "-");
  const auto day = take_number(text, 2);
  const bool between = take_one_of(text, "Tt ");
  const auto hour = take_number(text, 2);
  const bool colon = take_one_of(text, ":");
  const auto minute = take_number(text, 2);
  const bool second_colon = take_one_of(text, ":");
  const auto second = take_number(text, 2);
  if (!year || !dash || !month || !second_dash || !day || !between || !hour || !colon || !minute ||
      !second_colon || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const auto fraction = take_fraction(text);
  const auto zone = take_zone(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!fraction || !zone || !text.empty() || !date.ok()) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second) + *fraction - *zone;
}

}  // namespace warder::util
