#include "filter/date_templates.h"

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
  // A number of `least` to `most` digits, as many as there are.
  std::optional<int> read_number(std::size_t least, std::size_t most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < most && is_digit(peek(digits))) {
      value = value * 10 + (peek(digits) - '0');
      ++digits;
    }
    if (digits < least) {
      return std::nullopt;
    }
    at_ += digits;
    return value;
  }
  // 2000 to 2099: a number elsewhere in the line must not become a year.
  std::optional<int> read_year() {
    return peek() == '2' && peek(1) == '0' ? read_number(4, 4) : std::nullopt;
  }
  std::optional<int> read_month_name() { return read_name("janfebmaraprmayjunjulaugsepoctnovdec"); }
  std::optional<int> read_weekday() { return read_name("sunmontuewedthufrisat"); }
  // "31", " 1", "01" or "1".
  std::optional<int> read_day() {
    Cursor ahead = *this;
    ahead.read(' ');
    const std::optional<int> day = ahead.read_number(1, 2);
    if (!day || *day < 1 || *day > 31) {
      return std::nullopt;
    }
    *this = ahead;
    return day;
  }
  bool ends_word() const {
    return at_ == 0 || !is_word(peek()) || !is_word(text_[at_ - 1]) || at_ >= text_.size();
  }

 private:
  // The 1-based place of the next three letters, in any case, in a list of such names.
  std::optional<int> read_name(std::string_view names) {
    const std::array<char, 3> name{lower(peek()), lower(peek(1)), lower(peek(2))};
    for (std::size_t i = 0; i < names.size(); i += 3) {
      if (names[i] == name[0] && names[i + 1] == name[1] && names[i + 2] == name[2]) {
        at_ += 3;
        return static_cast<int>(i / 3) + 1;
      }
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_;
};

bool read_time(Cursor& cursor, DateFields& fields) {
  const auto hour = cursor.read_number(1, 2);
  if (!hour || *hour > 23 || !cursor.read(':')) {
    return false;
  }
  const auto minute = cursor.read_number(1, 2);
  if (!minute || *minute > 59 || !cursor.read(':')) {
    return false;
  }
  const auto second = cursor.read_number(1, 2);
  if (!second || *second > 61) {
    return false;
  }
  fields.hour = *hour;
  fields.minute = *minute;
  fields.second = *second;
  return true;
}

// Digits behind a separator that was read: microseconds from the first six.
int read_fraction(Cursor& cursor) {
  int micros = 0;
  int scale = 100'000;
  while (is_digit(cursor.peek())) {
    micros += (cursor.peek() - '0') * scale;
    scale /= 10;
    cursor.read(cursor.peek());
  }
  return micros;
}

// ".123": only if a digit follows and the word ends behind it.
void read_optional_fraction(Cursor& cursor, DateFields& fields, bool comma_too) {
  Cursor ahead = cursor;
  if ((ahead.read('.') || (comma_too && ahead.read(','))) && is_digit(ahead.peek())) {
    const int micros = read_fraction(ahead);
    if (ahead.ends_word() || ahead.peek() == 'Z') {
      fields.microsecond = micros;
      cursor = ahead;
    }
  }
}

std::optional<std::chrono::seconds> read_zone(Cursor& cursor) {
  Cursor ahead = cursor;
  if (ahead.read('Z') || (ahead.read('U') && ahead.read('T') && ahead.read('C')) ||
      (ahead.read('G') && ahead.read('M') && ahead.read('T'))) {
    cursor = ahead;
    return std::chrono::seconds(0);
  }
  ahead = cursor;
  const char sign = ahead.peek();
  if (sign != '+' && sign != '-') {
    return std::nullopt;
  }
  ahead.read(sign);
  const auto hours = ahead.read_number(2, 2);
  if (!hours || *hours > 19) {
    return std::nullopt;
  }
  int minutes = 0;
  Cursor further = ahead;
  further.read(':');
  if (const auto read = further.read_number(2, 2)) {
    minutes = *read;
    ahead = further;
  }
  cursor = ahead;
  const std::chrono::seconds offset = std::chrono::hours(*hours) + std::chrono::minutes(minutes);
  return sign == '-' ? -offset : offset;
}

// The zone behind optional blanks, only if the word ends behind it.
void read_optional_zone(Cursor& cursor, DateFields& fields) {
  Cursor ahead = cursor;
  while (ahead.read(' ') || ahead.read('\t')) {
  }
  const auto offset = read_zone(ahead);
  if (offset && ahead.ends_word()) {
    fields.utc_offset = offset;
    cursor = ahead;
  }
}

// 2026-07-31T21:59:59
bool read_iso(Cursor& cursor, DateFields& fields) {
  fields.year = cursor.read_year();
  const char separator = cursor.peek();
  if (!fields.year || (separator != '-' && separator != '/' && separator != '.')) {
    return false;
  }
  cursor.read(separator);
  fields.month = cursor.read_number(1, 2);
  if (!fields.month || *fields.month < 1 || *fields.month > 12 || !cursor.read(separator)) {
    return false;
  }
  fields.day = cursor.read_day();
  if (!fields.day) {
    return false;
  }
  if (!cursor.read('T') && cursor.read(' ')) {
    cursor.read(' ');
  }
  if (!read_time(cursor, fields)) {
    return false;
  }
  read_optional_fraction(cursor, fields, true);
  read_optional_zone(cursor, fields);
  return true;
}

// Jul 31 21:59:59
bool read_syslog(Cursor& cursor, DateFields& fields) {
  Cursor ahead = cursor;
  if (ahead.read_weekday() && ahead.read(' ')) {
    cursor = ahead;
  }
  fields.month = cursor.read_month_name();
  if (!fields.month || !cursor.read(' ')) {
    return false;
  }
  fields.day = cursor.read_day();
  if (!fields.day || !cursor.read(' ')) {
    return false;
  }
  ahead = cursor;
  if (const auto year = ahead.read_year(); year && ahead.read(' ')) {
    fields.year = year;
    cursor = ahead;
  }
  cursor.read(' ');
  if (!read_time(cursor, fields)) {
    return false;
  }
  read_optional_fraction(cursor, fields, false);
  ahead = cursor;
  if (!fields.year && ahead.read(' ')) {
    const auto year = ahead.read_year();
    if (year && ahead.ends_word()) {
      fields.year = year;
      cursor = ahead;
    }
  }
  return true;
}

// 31/Jul/2026:09:22:55 -0700
bool read_web(Cursor& cursor, DateFields& fields) {
  fields.day = cursor.read_day();
  const char separator = cursor.peek();
  if (!fields.day || (separator != '-' && separator != '/')) {
    return false;
  }
  cursor.read(separator);
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
  if (!read_time(cursor, fields)) {
    return false;
  }
  read_optional_fraction(cursor, fields, false);
  read_optional_zone(cursor, fields);
  return true;
}

// 1785500000.123 at `at`.
std::optional<FoundDate> epoch_at(std::string_view text, std::size_t at) {
  std::size_t digits = 0;
  std::int64_t seconds = 0;
  while (at + digits < text.size() && is_digit(text[at + digits]) && digits < 12) {
    seconds = seconds * 10 + (text[at + digits] - '0');
    ++digits;
  }
  Cursor cursor(text, at + digits);
  if (digits < 10 || digits > 11 || !cursor.ends_word()) {
    return std::nullopt;
  }
  FoundDate found{at, at + digits, {}};
  found.fields.epoch = std::chrono::seconds(seconds);
  if (cursor.read('.')) {
    const std::size_t begin = cursor.at();
    const int micros = read_fraction(cursor);
    const std::size_t length = cursor.at() - begin;
    if (length >= 3 && cursor.ends_word()) {
      *found.fields.epoch += std::chrono::microseconds(micros);
      found.end = cursor.at();
    }
  }
  return found;
}

std::optional<FoundDate> epoch_in_audit(std::string_view text) {
  constexpr std::string_view kAudit = "audit(";
  for (std::size_t at = text.find(kAudit); at != std::string_view::npos;
       at = text.find(kAudit, at + 1)) {
    if (at > 0 && is_word(text[at - 1])) {
      continue;
    }
    auto found = epoch_at(text, at + kAudit.size());
    if (!found) {
      continue;
    }
    Cursor cursor(text, found->end);
    if (cursor.read(':') && cursor.read_number(1, 9) && cursor.read(')')) {
      return found;
    }
  }
  return std::nullopt;
}

std::optional<FoundDate> epoch_at_begin(std::string_view text) {
  if (!text.empty() && text[0] == '[') {
    auto found = epoch_at(text, 1);
    if (found && found->end < text.size() && text[found->end] == ']') {
      return found;
    }
    return std::nullopt;
  }
  return epoch_at(text, 0);
}

// Can a date begin with this character? Spares most places of a line the attempt.
bool may_begin_date(char c) {
  if (is_digit(c)) {
    return true;
  }
  constexpr std::string_view kInitials = "jfmasondtw";
  return kInitials.find(lower(c)) != std::string_view::npos;
}

}  // namespace

std::optional<FoundDate> builtin_date_at(std::string_view text, std::size_t at) {
  if (at >= text.size() || !is_word(text[at]) || (at > 0 && is_word(text[at - 1]))) {
    return std::nullopt;
  }
  using Reader = bool (*)(Cursor&, DateFields&);
  constexpr std::array<Reader, 2> kNumeric{read_iso, read_web};
  constexpr std::array<Reader, 1> kNamed{read_syslog};
  const auto attempt = [&](Reader reader) -> std::optional<FoundDate> {
    Cursor cursor(text, at);
    FoundDate found{at, at, {}};
    if (!reader(cursor, found.fields) || !cursor.ends_word()) {
      return std::nullopt;
    }
    found.end = cursor.at();
    return found;
  };
  if (!is_digit(text[at])) {
    return attempt(kNamed[0]);
  }
  for (const Reader reader : kNumeric) {
    if (auto found = attempt(reader)) {
      return found;
    }
  }
  return std::nullopt;
}

std::optional<FoundDate> find_builtin_date(std::string_view text, DatePlace place) {
  if (auto found = epoch_at_begin(text)) {
    return found;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (may_begin_date(text[at])) {
      if (auto found = builtin_date_at(text, at)) {
        return found;
      }
    }
    if (place == DatePlace::kLineBegin && (at >= 2 || is_word(text[at]))) {
      return std::nullopt;
    }
  }
  return place == DatePlace::kAnywhere ? epoch_in_audit(text) : std::nullopt;
}

std::optional<FoundDate> find_epoch(std::string_view text, DatePlace place) {
  if (auto found = epoch_at_begin(text)) {
    return found;
  }
  return place == DatePlace::kAnywhere ? epoch_in_audit(text) : std::nullopt;
}

}  // namespace warder::filter
