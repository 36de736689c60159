#include "ship/quiet_hours.h"

#include "model/event_json.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace warder::ship {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using util::Error;
using util::ErrorCode;

constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::size_t kMostSpans = 20;
constexpr int kDay = 24 * 60;

Error wrong(std::string_view text, std::string_view why) {
  return Error(ErrorCode::kInvalid,
               fmt::format("'{}': {}; write for instance 22:00-07:00, or mon-fri 22:00-07:00, sat "
                           "sun 00:00-24:00",
                           util::printable(text, 100), why));
}

// Minutes of the day, 24:00 included.
std::optional<int> time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') {
    return std::nullopt;
  }
  int hour = 0;
  int minute = 0;
  const auto read = [](std::string_view digits, int* value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
    return error == std::errc() && end == digits.data() + digits.size() && *value >= 0;
  };
  if (!read(text.substr(0, 2), &hour) || !read(text.substr(3), &minute) || minute > 59 ||
      hour * 60 + minute > kDay) {
    return std::nullopt;
  }
  return hour * 60 + minute;
}

std::optional<std::size_t> day_number(std::string_view name) {
  const auto found = std::find(kDays.begin(), kDays.end(), util::to_lower(name));
  return found == kDays.end() ? std::nullopt
                              : std::optional(static_cast<std::size_t>(found - kDays.begin()));
}

// "mon" or "fri-sun", into `days`.
bool read_days(std::string_view word, std::array<bool, 7>* days) {
  const auto dash = word.find('-');
  const auto first = day_number(word.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_number(word.substr(dash + 1));
  if (!first || !last) {
    return false;
  }
  for (std::size_t day = *first;; day = (day + 1) % 7) {
    (*days)[day] = true;
    if (day == *last) {
      return true;
    }
  }
}

}  // namespace

util::Result<QuietHours> QuietHours::parse(std::string_view text) {
  QuietHours hours;
  const auto spans = util::split(text, ',');
  if (spans.size() > kMostSpans) {
    return wrong(text, fmt::format("has more than {} spans", kMostSpans));
  }
  for (const std::string_view span : spans) {
    std::array<bool, 7> days{};
    bool any_day = false;
    std::optional<std::pair<int, int>> times;
    for (const std::string_view word : util::split(util::trim(span), ' ')) {
      if (word.empty()) {
        continue;
      }
      if (times) {
        return wrong(span, "nothing may stand behind the times; part spans by commas");
      }
      if (word.size() == 11 && word[5] == '-') {
        const auto from = time_of_day(word.substr(0, 5));
        const auto to = time_of_day(word.substr(6));
        if (!from || !to || *from == kDay) {
          return wrong(span, "is no span of time");
        }
        if (*from == *to) {
          return wrong(span, "begins when it ends; a whole day is 00:00-24:00");
        }
        times = {*from, *to > *from ? *to : *to + kDay};
      } else if (read_days(word, &days)) {
        any_day = true;
      } else {
        return wrong(span, "is no span of time");
      }
    }
    if (!times) {
      return wrong(span, "has no times");
    }
    for (std::size_t day = 0; day < days.size(); ++day) {
      if (any_day && !days[day]) {
        continue;
      }
      for (int minute = times->first; minute < times->second; ++minute) {
        hours.minutes_.set((day * kDay + static_cast<std::size_t>(minute)) % kMinutes);
      }
    }
  }
  if (hours.minutes_.all()) {
    return wrong(text, "leaves no minute of the week, so what is held would never be told");
  }
  return hours;
}

std::size_t QuietHours::minute_of(util::WallTime time, const OffsetAt& clocks) {
  // 1970-01-01 was a Thursday.
  constexpr std::int64_t kThursday = std::int64_t{4} * kDay;
  const auto local = std::chrono::floor<minutes>(time.time_since_epoch() + clocks(time));
  constexpr auto kWeek = static_cast<std::int64_t>(kMinutes);
  return static_cast<std::size_t>(((local.count() + kThursday) % kWeek + kWeek) % kWeek);
}

bool QuietHours::contains(util::WallTime time, const OffsetAt& clocks) const {
  return !empty() && minutes_.test(minute_of(time, clocks));
}

util::WallTime QuietHours::end(util::WallTime time, const OffsetAt& clocks) const {
  // In steps that see each change of the clocks, which come at full quarters of an hour. A week and
  // a day are enough, whatever the clocks do: some minute of the week is not quiet.
  constexpr int kStep = 15;
  for (int steps = 0; contains(time, clocks) && steps < 16 * kDay; ++steps) {
    const std::size_t first = minute_of(time, clocks);
    int ahead = 1;
    while (ahead < kStep && minutes_.test((first + static_cast<std::size_t>(ahead)) % kMinutes)) {
      ++ahead;
    }
    time = std::chrono::floor<minutes>(time) + minutes(ahead);
  }
  return time;
}

bool is_held(const QuietOptions& options, const model::Event& event, util::WallTime now) {
  if (options.hours.empty() || event.severity >= options.through ||
      (event.kind == model::EventKind::kAlert && event.jail.empty())) {
    return false;
  }
  if (!options.hours.contains(now, options.clocks) &&
      !options.hours.contains(event.time, options.clocks)) {
    return false;
  }
  // The end of what was told in quiet hours is told in them, too: whoever was woken may sleep
  // again.
  const auto detail = model::parse_detail(event.detail);
  if (!detail.is_object() || detail.value("state", nlohmann::ordered_json()) != "good") {
    return true;
  }
  const auto severity = detail.find("severity");
  const auto was = severity != detail.end() && severity->is_string()
                       ? model::parse_severity(severity->get_ref<const std::string&>())
                       : std::nullopt;
  return !options.ends_pass && was.value_or(model::Severity::kInfo) < options.through;
}

std::optional<Message> QuietTime::release(std::string_view destination, util::WallTime now) {
  if (held_.empty() || options_.hours.contains(now, options_.clocks)) {
    return std::nullopt;
  }
  Message message = std::move(held_).tell(destination, seconds(0));
  held_ = {};
  if (Summary* summary = message.summary()) {
    summary->was_held = true;
  }
  return message;
}

std::optional<std::chrono::microseconds> QuietTime::wait(util::WallTime now) const {
  if (held_.empty()) {
    return std::nullopt;
  }
  return std::min<std::chrono::microseconds>(options_.hours.end(now, options_.clocks) - now, kLook);
}

}  // namespace warder::ship
