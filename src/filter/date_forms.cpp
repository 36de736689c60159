#include "filter/date_forms.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace warder::filter {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Does a word go on from before `at` to behind it?
bool within_word(std::string_view text, std::size_t at) {
  return at > 0 && at < text.size() && is_word(text[at]) && is_word(text[at - 1]);
}

// Three letters as one number, in any case.
constexpr std::uint32_t letters(char a, char b, char c) {
  const auto small = [](char letter) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(letter) | 0x20);
  };
  return small(a) << 16 | small(b) << 8 | small(c);
}

// From 1; 0 for none.
int month_of(std::uint32_t name) {
  switch (name) {
    case letters('j', 'a', 'n'):
      return 1;
    case letters('f', 'e', 'b'):
      return 2;
    case letters('m', 'a', 'r'):
      return 3;
    case letters('a', 'p', 'r'):
      return 4;
    case letters('m', 'a', 'y'):
      return 5;
    case letters('j', 'u', 'n'):
      return 6;
    case letters('j', 'u', 'l'):
      return 7;
    case letters('a', 'u', 'g'):
      return 8;
    case letters('s', 'e', 'p'):
      return 9;
    case letters('o', 'c', 't'):
      return 10;
    case letters('n', 'o', 'v'):
      return 11;
    case letters('d', 'e', 'c'):
      return 12;
    default:
      return 0;
  }
}

// Monday is 1; 0 for none.
int weekday_of(std::uint32_t name) {
  switch (name) {
    case letters('m', 'o', 'n'):
      return 1;
    case letters('t', 'u', 'e'):
      return 2;
    case letters('w', 'e', 'd'):
      return 3;
    case letters('t', 'h', 'u'):
      return 4;
    case letters('f', 'r', 'i'):
      return 5;
    case letters('s', 'a', 't'):
      return 6;
    case letters('s', 'u', 'n'):
      return 7;
    default:
      return 0;
  }
}

enum class Case : bool { kCapitals, kAny };

// Walks over a text. Every read_ function moves on only when it succeeds.
class Cursor {
 public:
  Cursor(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t at() const { return at_; }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool read(char c) {
    if (peek() != c || at_ >= text_.size()) {
      return false;
    }
    ++at_;
    return true;
  }
  void skip(std::size_t characters) { at_ += characters; }
  std::size_t digits() const {
    std::size_t count = 0;
    while (is_digit(peek(count))) {
      ++count;
    }
    return count;
  }
  // A number of one or two digits, both taken if there are two, from `least` to `most`.
  std::optional<int> read_number(int least, int most) {
    if (!is_digit(peek())) {
      return std::nullopt;
    }
    int value = peek() - '0';
    std::size_t length = 1;
    if (is_digit(peek(1))) {
      value = value * 10 + (peek(1) - '0');
      length = 2;
    }
    if (value < least || value > most) {
      return std::nullopt;
    }
    at_ += length;
    return value;
  }
  std::optional<int> read_year() {
    if (peek() != '2' || peek(1) != '0' || !is_digit(peek(2)) || peek(2) > latest_decade() ||
        !is_digit(peek(3))) {
      return std::nullopt;
    }
    const int year = 2000 + (peek(2) - '0') * 10 + (peek(3) - '0');
    at_ += 4;
    return year;
  }
  std::optional<int> read_month_name() { return read_name(month_of(three_letters())); }
  std::optional<int> read_weekday() { return read_name(weekday_of(three_letters())); }
  // "31", " 1", "01" or "1".
  std::optional<int> read_day() {
    Cursor ahead = *this;
    const bool blank = ahead.read(' ');
    const std::optional<int> day =
        blank && is_digit(ahead.peek(1)) ? std::nullopt : ahead.read_number(1, 31);
    if (day) {
      *this = ahead;
    }
    return day;
  }
  bool cuts_word() const { return within_word(text_, at_); }

 private:
  // Of the years that count as one: the third from now is in it (date_pattern_compiler.cpp).
  static char latest_decade() {
    static const char decade = [] {
      const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
      const int year = static_cast<int>(std::chrono::year_month_day(today).year()) + 3;
      return static_cast<char>('0' + std::clamp(year / 10 % 10, 2, 9));
    }();
    return decade;
  }
  // The next three, small.
  std::uint32_t three_letters() const { return letters(peek(), peek(1), peek(2)); }
  std::optional<int> read_name(int number) {
    if (number == 0) {
      return std::nullopt;
    }
    at_ += 3;
    return number;
  }

  std::string_view text_;
  std::size_t at_;
};

// 21:59: and the second, which may end the date. `latest_hour` is 29 where the hour is %k, which
// knows no better.
bool read_time(Cursor& cursor, DateFields& fields, int latest_hour) {
  const auto hour = cursor.read_number(0, latest_hour);
  if (!hour || !cursor.read(':')) {
    return false;
  }
  const auto minute = cursor.read_number(0, 59);
  if (!minute || !cursor.read(':')) {
    return false;
  }
  const auto second = cursor.read_number(0, 61);
  if (!second || is_digit(cursor.peek())) {
    return false;
  }
  fields.hour = *hour;
  fields.minute = *minute;
  fields.second = *second;
  return true;
}

// ".123": up to six digits, no more of them behind.
bool read_fraction(Cursor& cursor, DateFields& fields, bool comma_too) {
  Cursor ahead = cursor;
  if (!ahead.read('.') && !(comma_too && ahead.read(','))) {
    return false;
  }
  const std::size_t digits = ahead.digits();
  if (digits == 0 || digits > 6) {
    return false;
  }
  int micros = 0;
  int scale = 100'000;
  for (std::size_t i = 0; i < digits; ++i, scale /= 10) {
    micros += (ahead.peek(i) - '0') * scale;
  }
  ahead.skip(digits);
  fields.microsecond = micros;
  cursor = ahead;
  return true;
}

// A zone behind which no word goes on.
bool read_zone(Cursor& cursor, DateFields& fields, Case letters) {
  const bool named = is_word(cursor.peek());
  for (const std::string_view name : {"Z", "UTC", "GMT"}) {
    if (!named) {
      break;
    }
    Cursor ahead = cursor;
    bool exact = true;
    std::size_t length = 0;
    while (length < name.size() &&
           (ahead.peek(length) == name[length] ||
            (letters == Case::kAny && lower(ahead.peek(length)) == lower(name[length])))) {
      exact &= ahead.peek(length) == name[length];
      ++length;
    }
    ahead.skip(length);
    if (length == name.size() && !ahead.cuts_word()) {
      // The reference finds small letters, and cannot read them.
      fields.utc_offset = std::chrono::seconds(0);
      fields.unreadable = !exact;
      cursor = ahead;
      return true;
    }
  }
  Cursor ahead = cursor;
  const char sign = ahead.peek();
  if ((sign != '+' && sign != '-') || ahead.peek(1) < '0' || ahead.peek(1) > '1' ||
      !is_digit(ahead.peek(2))) {
    return false;
  }
  const int hours = (ahead.peek(1) - '0') * 10 + (ahead.peek(2) - '0');
  int minutes = 0;
  ahead.skip(3);
  Cursor further = ahead;
  further.read(':');
  if (is_digit(further.peek()) && is_digit(further.peek(1))) {
    const int read = (further.peek() - '0') * 10 + (further.peek(1) - '0');
    further.skip(2);
    if (!further.cuts_word()) {
      minutes = read;
      ahead = further;
    }
  }
  if (ahead.cuts_word()) {
    return false;
  }
  const std::chrono::seconds offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  fields.utc_offset = sign == '-' ? -offset : offset;
  cursor = ahead;
  return true;
}

// What may follow the second: a fraction, and behind it what `read_rest` reads. Each is taken only
// if no word goes on behind it.
template <typename ReadRest>
bool read_tail(Cursor& cursor, DateFields& fields, bool comma_too, ReadRest read_rest) {
  Cursor ahead = cursor;
  if (read_fraction(ahead, fields, comma_too)) {
    if (read_rest(ahead) || !ahead.cuts_word()) {
      cursor = ahead;
      return true;
    }
    fields.microsecond = 0;
  }
  return read_rest(cursor) || !cursor.cuts_word();
}

bool read_iso(Cursor& cursor, DateFields& fields) {
  fields.year = cursor.read_year();
  const char separator = cursor.peek();
  if (!fields.year || (separator != '-' && separator != '/' && separator != '.')) {
    return false;
  }
  cursor.skip(1);
  fields.month = cursor.read_number(1, 12);
  if (!fields.month || !cursor.read(separator)) {
    return false;
  }
  fields.day = cursor.read_day();
  if (!fields.day) {
    return false;
  }
  if (!cursor.read('T')) {
    if (!cursor.read(' ')) {
      return false;
    }
    cursor.read(' ');
  }
  if (!read_time(cursor, fields, 23)) {
    return false;
  }
  return read_tail(cursor, fields, true, [&](Cursor& at) {
    constexpr std::string_view kBlanks = " \t\n\r\f\v";
    Cursor ahead = at;
    while (ahead.peek() != '\0' && kBlanks.find(ahead.peek()) != std::string_view::npos) {
      ahead.skip(1);
    }
    if (!read_zone(ahead, fields, Case::kCapitals)) {
      return false;
    }
    at = ahead;
    return true;
  });
}

bool read_syslog(Cursor& cursor, DateFields& fields, bool year_before_time) {
  // No weekday is called like a month, and few lines have one.
  fields.month = cursor.read_month_name();
  if (!fields.month) {
    const auto weekday = cursor.read_weekday();
    if (!weekday || !cursor.read(' ')) {
      return false;
    }
    fields.weekday = *weekday - 1;
    fields.month = cursor.read_month_name();
  }
  if (!fields.month || !cursor.read(' ')) {
    return false;
  }
  fields.day = cursor.read_day();
  if (!fields.day || !cursor.read(' ')) {
    return false;
  }
  if (year_before_time) {
    fields.year = cursor.read_year();
    if (!fields.year || !cursor.read(' ')) {
      return false;
    }
  }
  cursor.read(' ');
  if (!read_time(cursor, fields, 29)) {
    return false;
  }
  return read_tail(cursor, fields, false, [&](Cursor& at) {
    Cursor further = at;
    if (year_before_time || !further.read(' ')) {
      return false;
    }
    const auto year = further.read_year();
    if (!year || further.cuts_word()) {
      return false;
    }
    fields.year = year;
    at = further;
    return true;
  });
}

bool read_web(Cursor& cursor, DateFields& fields) {
  fields.day = cursor.read_day();
  const char separator = cursor.peek();
  if (!fields.day || (separator != '-' && separator != '/')) {
    return false;
  }
  cursor.skip(1);
  fields.month = cursor.read_month_name();
  if (!fields.month || !cursor.read(separator)) {
    return false;
  }
  fields.year = cursor.read_year();
  if (!fields.year) {
    return false;
  }
  if (!cursor.read(' ')) {
    cursor.read(':');
  }
  if (!read_time(cursor, fields, 23)) {
    return false;
  }
  return read_tail(cursor, fields, false, [&](Cursor& at) {
    Cursor ahead = at;
    if (!ahead.read(' ') || !read_zone(ahead, fields, Case::kAny)) {
      return false;
    }
    at = ahead;
    return true;
  });
}

// Seconds since 1970 at `at`; `end` is set behind them.
std::optional<std::chrono::microseconds> read_epoch(std::string_view text, std::size_t& end,
                                                    bool long_form) {
  Cursor cursor(text, end);
  const std::size_t digits = cursor.digits();
  const bool sub = long_form && digits >= 13 && digits <= 17 && digits != 15;
  if (digits < 10 || (digits > 11 && !sub)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    value = value * 10 + (cursor.peek(i) - '0');
  }
  cursor.skip(digits);
  // What a digit behind the point is worth, in microseconds, is a tenth of this.
  std::int64_t unit = digits >= 16 ? 1 : digits >= 13 ? 1'000 : 1'000'000;
  std::int64_t micros = value * unit;
  if (cursor.cuts_word()) {
    return std::nullopt;
  }
  end = cursor.at();
  const bool takes_point = long_form ? digits == 13 || digits == 14 : true;
  const std::size_t least = long_form ? 1 : 3;
  Cursor ahead = cursor;
  if (takes_point && ahead.read('.')) {
    const std::size_t behind = ahead.digits();
    if (behind >= least && behind <= 6) {
      for (std::size_t i = 0; i < behind; ++i) {
        unit /= 10;
        micros += (ahead.peek(i) - '0') * unit;
      }
      ahead.skip(behind);
      if (!ahead.cuts_word()) {
        end = ahead.at();
        return std::chrono::microseconds(micros);
      }
      micros = value * (digits >= 13 ? 1'000 : 1'000'000);
    }
  }
  return std::chrono::microseconds(micros);
}

std::optional<FoundDate> epoch_at(std::string_view text, std::size_t at, bool long_form) {
  FoundDate found{at, at, at, at, {}};
  found.fields.epoch = read_epoch(text, found.end, long_form);
  if (!found.fields.epoch) {
    return std::nullopt;
  }
  found.match_end = found.end;
  return found;
}

std::optional<FoundDate> find_epoch(std::string_view text, std::size_t from, bool long_form) {
  if (from == 0) {
    if (auto found = epoch_at(text, 0, long_form)) {
      return found;
    }
  }
  if (from <= 1 && text.starts_with('[')) {
    if (auto found = epoch_at(text, 1, long_form)) {
      return found;
    }
  }
  constexpr std::string_view kAudit = "audit(";
  for (std::size_t at = text.find(kAudit); at != std::string_view::npos;
       at = text.find(kAudit, at + kAudit.size())) {
    const std::size_t number = at + kAudit.size();
    if (number < from || within_word(text, at)) {
      continue;
    }
    if (auto found = epoch_at(text, number, long_form)) {
      return found;
    }
  }
  return std::nullopt;
}

enum Start : std::uint8_t { kNever = 0, kNumber = 1, kName = 2, kBlank = 4 };

// What a character can begin. Spares most places of a line the attempt.
constexpr std::array<std::uint8_t, 256> kStarts = [] {
  std::array<std::uint8_t, 256> starts{};
  for (char c = '0'; c <= '9'; ++c) {
    starts[static_cast<unsigned char>(c)] = kNumber;
  }
  for (const char c : std::string_view("jfmasondtw")) {
    starts[static_cast<unsigned char>(c)] = kName;
    starts[static_cast<unsigned char>(c - 32)] = kName;
  }
  starts[' '] = kBlank;
  return starts;
}();

constexpr std::uint8_t starts_of(DateForm form) {
  switch (form) {
    case DateForm::kSyslog:
    case DateForm::kSyslogYear:
      return kName;
    case DateForm::kWeb:
      return kNumber | kBlank;
    default:
      return kNumber;
  }
}

}  // namespace

std::optional<FoundDate> read_date(DateForm form, std::string_view text, std::size_t at) {
  if (within_word(text, at)) {
    return std::nullopt;
  }
  FoundDate found{at, at, at, at, {}};
  Cursor cursor(text, at);
  bool read = false;
  switch (form) {
    case DateForm::kIso:
      read = read_iso(cursor, found.fields);
      break;
    case DateForm::kSyslog:
      read = read_syslog(cursor, found.fields, false);
      break;
    case DateForm::kSyslogYear:
      read = read_syslog(cursor, found.fields, true);
      break;
    case DateForm::kWeb:
      read = read_web(cursor, found.fields);
      break;
    case DateForm::kEpoch:
    case DateForm::kLongEpoch:
      return epoch_at(text, at, form == DateForm::kLongEpoch);
  }
  if (!read) {
    return std::nullopt;
  }
  found.end = found.match_end = cursor.at();
  return found;
}

std::optional<FoundDate> find_date(DateForm form, std::string_view text, std::size_t from) {
  if (form == DateForm::kEpoch || form == DateForm::kLongEpoch) {
    return find_epoch(text, from, form == DateForm::kLongEpoch);
  }
  const std::uint8_t starts = starts_of(form);
  for (std::size_t at = from; at < text.size(); ++at) {
    if ((kStarts[static_cast<unsigned char>(text[at])] & starts) != 0) {
      if (auto found = read_date(form, text, at)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

std::optional<FoundDate> find_date_at_begin(DateForm form, std::string_view text) {
  std::size_t skipped = 0;
  while (skipped < 2 && skipped < text.size() && !is_word(text[skipped])) {
    ++skipped;
  }
  for (;; --skipped) {
    if (auto found = read_date(form, text, skipped)) {
      found->match_begin = 0;
      return found;
    }
    if (skipped == 0) {
      return std::nullopt;
    }
  }
}

}  // namespace warder::filter
