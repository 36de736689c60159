#include "filter/posix_zone.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warder::filter {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using std::chrono::year;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

class PosixZone::Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool at_number() const { return next_is('+') || next_is('-') || at_digit(); }
  bool read(char c) {
    if (!next_is(c)) {
      return false;
    }
    text_.remove_prefix(1);
    return true;
  }
  // "CET" or "<+03>".
  bool read_name() {
    std::size_t length = 0;
    if (next_is('<')) {
      length = text_.find('>');
      if (length == std::string_view::npos || length < 2) {
        return false;
      }
      ++length;
    } else {
      while (length < text_.size() && is_letter(text_[length])) {
        ++length;
      }
      if (length < 3) {
        return false;
      }
    }
    text_.remove_prefix(length);
    return true;
  }
  std::optional<unsigned> read_number(unsigned least, unsigned most) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < 3 && digits < text_.size() && is_digit(text_[digits])) {
      value = value * 10 + static_cast<unsigned>(text_[digits] - '0');
      ++digits;
    }
    if (digits == 0 || value < least || value > most) {
      return std::nullopt;
    }
    text_.remove_prefix(digits);
    return value;
  }
  // [+-]hh[:mm[:ss]]
  std::optional<seconds> read_time(unsigned most_hours) {
    const bool negative = next_is('-');
    if (negative || next_is('+')) {
      text_.remove_prefix(1);
    }
    const auto whole = read_number(0, most_hours);
    if (!whole) {
      return std::nullopt;
    }
    seconds time = hours(*whole);
    seconds unit = minutes(1);
    for (int part = 0; part < 2 && read(':'); ++part) {
      const auto number = read_number(0, 59);
      if (!number) {
        return std::nullopt;
      }
      time += *number * unit;
      unit = seconds(1);
    }
    return negative ? -time : time;
  }
  // "M3.5.0", "J60", "59", each with "/TIME".
  std::optional<Day> read_day() {
    Day day;
    std::optional<unsigned> number;
    if (read('M')) {
      const auto month = read_number(1, 12);
      const auto week = month && read('.') ? read_number(1, 5) : std::nullopt;
      number = week && read('.') ? read_number(0, 6) : std::nullopt;
      day.month = month.value_or(1);
      day.week = week.value_or(1);
    } else if (read('J')) {
      day.kind = Day::Kind::kJulian;
      number = read_number(1, 365);
    } else {
      day.kind = Day::Kind::kOrdinal;
      number = read_number(0, 365);
    }
    if (!number) {
      return std::nullopt;
    }
    day.number = *number;
    if (read('/')) {
      const auto time = read_time(167);
      if (!time) {
        return std::nullopt;
      }
      day.time = *time;
    }
    return day;
  }

 private:
  bool next_is(char c) const { return !text_.empty() && text_[0] == c; }
  bool at_digit() const { return !text_.empty() && is_digit(text_[0]); }
  std::string_view text_;
};

util::Result<PosixZone> PosixZone::parse(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("'{}' is no rule of a time zone: {} is wrong",
                                   util::printable(text, 80), what));
  };
  Reader reader(text);
  PosixZone zone;
  if (!reader.read_name()) {
    return wrong("the name");
  }
  // Written west of Greenwich.
  const auto standard = reader.read_time(24);
  if (!standard) {
    return wrong("the offset");
  }
  zone.standard_ = -*standard;
  if (reader.done()) {
    return zone;
  }
  if (!reader.read_name()) {
    return wrong("the name of summer time");
  }
  zone.summer_ = zone.standard_ + hours(1);
  if (reader.at_number()) {
    const auto summer = reader.read_time(24);
    if (!summer) {
      return wrong("the offset of summer time");
    }
    zone.summer_ = -*summer;
  }
  std::array<Day, 2> days{Day(), Day()};
  if (reader.done()) {
    days[0].month = 3;
    days[0].week = 2;
    days[1].month = 11;
    zone.days_ = days;
    return zone;
  }
  for (Day& day : days) {
    const auto read = reader.read(',') ? reader.read_day() : std::nullopt;
    if (!read) {
      return wrong("a day of change");
    }
    day = *read;
  }
  if (!reader.done()) {
    return wrong("what follows the days of change");
  }
  zone.days_ = days;
  return zone;
}

local_seconds PosixZone::Day::in(year of) const {
  using std::chrono::last;
  const std::chrono::weekday weekday(number % 7);
  switch (kind) {
    case Kind::kJulian: {
      // 29 February is never counted.
      const bool behind = of.is_leap() && number >= 60;
      return local_days(of / 1 / 1) + days(number - 1 + (behind ? 1 : 0)) + time;
    }
    case Kind::kOrdinal:
      return local_days(of / 1 / 1) + days(number) + time;
    case Kind::kMonth:
      break;
  }
  const std::chrono::month in_month(month);
  return (week == 5 ? local_days(of / in_month / weekday[last])
                    : local_days(of / in_month / weekday[week])) +
         time;
}

std::optional<std::array<PosixZone::Change, 2>> PosixZone::changes(year of) const {
  if (!days_) {
    return std::nullopt;
  }
  // Each is written by the clocks that it ends.
  const auto begin = sys_seconds((*days_)[0].in(of).time_since_epoch() - standard_);
  const auto end = sys_seconds((*days_)[1].in(of).time_since_epoch() - summer_);
  std::array<Change, 2> both{Change{begin, summer_}, Change{end, standard_}};
  if (end < begin) {
    std::swap(both[0], both[1]);
  }
  return both;
}

}  // namespace warder::filter
