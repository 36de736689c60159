#include "filter/date_pattern.h"

#include "filter/date_zone.h"
#include "util/strings.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace warder::filter {
namespace {

constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
constexpr std::string_view kWeekdays = "montuewedthufrisatsun";
// The end of the year 9999, in seconds: TAI64N counts to the end of the universe.
constexpr std::int64_t kLatest = 253'402'300'799;
// Groups that are asked for without a piece of memory of its own.
constexpr std::size_t kFewGroups = 48;

int to_int(std::string_view digits) {
  int value = 0;
  const std::string_view trimmed = util::trim(digits);
  std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  return value;
}

// The place of a name's first three letters in a list of such.
int place_of(std::string_view name, std::string_view names) {
  const std::size_t at = names.find(util::to_lower(name.substr(0, 3)));
  return at == std::string_view::npos ? -1 : static_cast<int>(at / 3);
}

// "1785500000", "1785500000.123"; the long form also milliseconds and microseconds without a point.
std::chrono::microseconds epoch_of(std::string_view text, bool long_form) {
  const std::string_view digits = text.substr(0, text.find('.'));
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  std::int64_t unit = 1'000'000;
  if (long_form && digits.size() >= 16) {
    unit = 1;
  } else if (long_form && digits.size() >= 13) {
    unit = 1'000;
  }
  std::int64_t micros = value * unit;
  if (digits.size() < text.size()) {
    for (const char c : text.substr(digits.size() + 1)) {
      unit /= 10;
      micros += (c - '0') * unit;
    }
  }
  return std::chrono::microseconds(micros);
}

// "@4000000050f7c7d41c16dc3c": the seconds are fifteen digits behind the first; what follows them
// are nanoseconds.
std::optional<std::chrono::microseconds> tai64n_of(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data() + 2, text.data() + 17, value, 16);
  return value <= kLatest ? std::optional(std::chrono::seconds(value)) : std::nullopt;
}

}  // namespace

// Gathers what the groups say.
class DatePattern::Values {
 public:
  void add(Field field, std::string_view value) {
    switch (field) {
      case Field::kNone:
        break;
      case Field::kYear:
        fields_.year = to_int(value);
        break;
      case Field::kShortYear:
        fields_.year = 2000 + to_int(value);
        break;
      case Field::kIsoYear:
        iso_year_ = to_int(value);
        break;
      case Field::kMonth:
        fields_.month = to_int(value);
        break;
      case Field::kMonthName:
      case Field::kFullMonthName:
        fields_.month = place_of(value, kMonths) + 1;
        break;
      case Field::kDay:
        fields_.day = to_int(value);
        break;
      case Field::kDayOfYear:
        fields_.day_of_year = to_int(value);
        break;
      case Field::kWeekOfSundays:
        add_week(WeekKind::kSunday, value);
        break;
      case Field::kWeekOfMondays:
        add_week(WeekKind::kMonday, value);
        break;
      case Field::kIsoWeek:
        add_week(WeekKind::kIso, value);
        break;
      case Field::kWeekday:
        fields_.weekday = (to_int(value) + 6) % 7;
        break;
      case Field::kIsoWeekday:
        fields_.weekday = to_int(value) - 1;
        break;
      case Field::kWeekdayName:
      case Field::kFullWeekdayName:
        fields_.weekday = place_of(value, kWeekdays);
        break;
      case Field::kHour:
        hour12_ = false;
        fields_.hour = to_int(value);
        break;
      case Field::kHour12:
        hour12_ = true;
        fields_.hour = to_int(value);
        break;
      case Field::kMinute:
        fields_.minute = to_int(value);
        break;
      case Field::kSecond:
        fields_.second = to_int(value);
        break;
      case Field::kFraction: {
        std::string digits(value);
        digits.resize(6, '0');
        fields_.microsecond = to_int(digits);
        break;
      }
      case Field::kAmPm:
        afternoon_ = value[0] == 'p' || value[0] == 'P';
        break;
      case Field::kOffset:
      case Field::kZone:
        fields_.utc_offset = fixed_zone(value);
        fields_.unreadable |= !fields_.utc_offset;
        break;
      case Field::kEpoch:
        fields_.epoch = epoch_of(value, false);
        break;
      case Field::kLongEpoch:
        fields_.epoch = epoch_of(value, true);
        break;
      case Field::kTai64n:
        fields_.epoch = tai64n_of(value);
        fields_.unreadable |= !fields_.epoch;
        break;
    }
  }

  DateFields take() {
    if (hour12_) {
      // Without am or pm it is the morning. %l knows hours up to 19.
      fields_.hour = fields_.hour == 12 ? 0 : fields_.hour;
      fields_.hour += afternoon_ ? 12 : 0;
    }
    if (iso_year_ && fields_.week_kind == WeekKind::kIso) {
      fields_.year = iso_year_;
    }
    // A group of the operator's own may say anything.
    const auto within = [](const std::optional<int>& value, int most) {
      return !value || (*value >= 0 && *value <= most);
    };
    fields_.unreadable |= !within(fields_.year, 9999) || fields_.year == 0 ||
                          !within(fields_.month, 12) || !within(fields_.day, 31) ||
                          !within(fields_.day_of_year, 366) || !within(fields_.week, 53) ||
                          !within(fields_.weekday, 6) || !within(fields_.hour, 99) ||
                          !within(fields_.minute, 99) || !within(fields_.second, 99);
    return fields_;
  }

 private:
  void add_week(WeekKind kind, std::string_view value) {
    fields_.week = to_int(value);
    fields_.week_kind = kind;
  }

  DateFields fields_;
  std::optional<int> iso_year_;
  bool hour12_ = false;
  bool afternoon_ = false;
};

DatePattern::~DatePattern() = default;

const std::string& DatePattern::regex() const { return regex_->pattern(); }

std::optional<FoundDate> DatePattern::find(std::string_view text, std::size_t from) const {
  std::array<re2::StringPiece, kFewGroups> few;
  std::vector<re2::StringPiece> many(groups_.size() > few.size() ? groups_.size() : 0);
  re2::StringPiece* groups = many.empty() ? few.data() : many.data();
  const re2::StringPiece piece(text.data(), text.size());
  if (from > text.size()) {
    return std::nullopt;
  }
  // The character before the match is taken along.
  std::size_t start = from > 0 ? from - 1 : 0;
  for (;;) {
    if (!regex_->Match(piece, start, text.size(), re2::RE2::UNANCHORED, groups,
                       static_cast<int>(groups_.size()))) {
      return std::nullopt;
    }
    if (groups[1].data() >= text.data() + from) {
      break;
    }
    start = from;
  }
  FoundDate found;
  const auto place = [&](const re2::StringPiece& group) {
    return static_cast<std::size_t>(group.data() - text.data());
  };
  found.begin = place(groups[1]);
  found.end = found.begin + groups[1].size();
  found.match_begin = from_line_begin_ ? 0 : found.begin;
  found.match_end = found.end;
  Values values;
  for (std::size_t number = 2; number < groups_.size(); ++number) {
    const re2::StringPiece& group = groups[number];
    if (group.data() == nullptr) {
      continue;
    }
    if (groups_[number].cut) {
      found.begin = place(group);
      found.end = found.begin + group.size();
    }
    if (!group.empty()) {
      values.add(groups_[number].field, {group.data(), group.size()});
    }
  }
  found.fields = values.take();
  return found;
}

}  // namespace warder::filter
