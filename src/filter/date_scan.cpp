#include "filter/date_scan.h"

#include "filter/date_templates.h"
#include "filter/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

namespace warder::filter {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

char at_or_nothing(std::string_view text, std::size_t at) {
  return at < text.size() ? text[at] : '\0';
}

// Do a month or a weekday begin here?
bool is_name(std::string_view text, std::size_t at) {
  if (at + 3 > text.size()) {
    return false;
  }
  // By the first letter, what may follow it.
  std::string_view rest;
  switch (lower(text[at])) {
    case 'a':
      rest = "prug";
      break;
    case 'd':
      rest = "ec";
      break;
    case 'f':
      rest = "ebri";
      break;
    case 'j':
      rest = "anunul";
      break;
    case 'm':
      rest = "arayon";
      break;
    case 'n':
      rest = "ov";
      break;
    case 'o':
      rest = "ct";
      break;
    case 's':
      rest = "epatun";
      break;
    case 't':
      rest = "uehu";
      break;
    case 'w':
      rest = "ed";
      break;
    default:
      return false;
  }
  const char second = lower(text[at + 1]);
  const char third = lower(text[at + 2]);
  for (std::size_t i = 0; i + 1 < rest.size(); i += 2) {
    if (rest[i] == second && rest[i + 1] == third) {
      return true;
    }
  }
  return false;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && is_digit(text[at + count])) {
    ++count;
  }
  return count;
}

// Can a template that is not read by hand begin with the word at `at`, at the begin of a line?
bool may_begin_rare(std::string_view text, std::size_t at) {
  std::size_t length = digits_at(text, at);
  if (length > 0) {
    const char next = at_or_nothing(text, at + length);
    return length >= 6 || (length <= 2 && (next == '-' || next == '/' || next == ':'));
  }
  while (is_letter(at_or_nothing(text, at + length))) {
    ++length;
  }
  // A month, or a zone before one.
  return is_name(text, at) ||
         (length > 0 && length <= 5 && at_or_nothing(text, at + length) == ' ' &&
          is_name(text, at + length + 1));
}

std::optional<FoundDate> read_common(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (is_digit(c)) {
    // Years begin with 20; behind the day of a web server's date stands a separator.
    const char next = at_or_nothing(text, at + 1);
    if (c == '2' && next == '0' && is_digit(at_or_nothing(text, at + 3))) {
      return read_date(DateForm::kIso, text, at);
    }
    const char behind = is_digit(next) ? at_or_nothing(text, at + 2) : next;
    return behind == '/' || behind == '-' ? read_date(DateForm::kWeb, text, at) : std::nullopt;
  }
  if (c == ' ') {
    const char behind = at_or_nothing(text, at + 2);
    return is_digit(at_or_nothing(text, at + 1)) && (behind == '/' || behind == '-')
               ? read_date(DateForm::kWeb, text, at)
               : std::nullopt;
  }
  if (!is_letter(c) || (at > 0 && is_word(text[at - 1])) || !is_name(text, at)) {
    return std::nullopt;
  }
  auto found = read_date(DateForm::kSyslog, text, at);
  return found ? found : read_date(DateForm::kSyslogYear, text, at);
}

// Is the colon at `colon` one of "H:MM:S" as a rarer template could have it: behind a blank, behind
// the year of cPanel's dates, or behind a number as long as a day (which is told by its length)?
bool is_clock(std::string_view text, std::size_t colon) {
  std::size_t digits = 0;
  while (digits < colon && is_digit(text[colon - digits - 1])) {
    ++digits;
  }
  if (digits == 0 || digits > 2 || digits == colon) {
    return false;
  }
  const std::size_t before = colon - digits - 1;
  const bool spaced =
      text[before] == ' ' || (text[before] == ':' && before >= 5 && text[before - 5] == '/');
  const std::size_t minutes = is_digit(at_or_nothing(text, colon + 2)) ? 2 : 1;
  return spaced && is_digit(at_or_nothing(text, colon + 1)) &&
         at_or_nothing(text, colon + minutes + 1) == ':' &&
         is_digit(at_or_nothing(text, colon + minutes + 2));
}

DateScan scan_begin(std::string_view text) {
  std::size_t skipped = 0;
  while (skipped < 2 && skipped < text.size() && !is_word(text[skipped])) {
    ++skipped;
  }
  DateScan scan;
  for (std::size_t at = 0; at <= skipped && at < text.size(); ++at) {
    const char next = at_or_nothing(text, at + 1);
    const char c = text[at];
    scan.unsure |= ((c == '+' || c == '-') && is_digit(next)) || c == '@' ||
                   (c == '<' && at == 0 && is_digit(next) && text.substr(2, 2).find('/') < 2);
  }
  if (scan.unsure || skipped >= text.size()) {
    return scan;
  }
  const std::size_t digits = digits_at(text, skipped);
  // So many digits are no other date; behind 11 of them nothing is one.
  scan.found = digits == 10 || digits == 11 ? read_date(DateForm::kEpoch, text, skipped)
                                            : read_common(text, skipped);
  if (scan.found && !scan.found->fields.unreadable) {
    scan.found->match_begin = 0;
    return scan;
  }
  scan.unsure = scan.found.has_value() || may_begin_rare(text, skipped);
  scan.found.reset();
  return scan;
}

DateScan scan_all(std::string_view text) {
  constexpr std::string_view kAudit = "audit(";
  constexpr std::string_view kBehindDay = "-T ";
  const DateScan unsure{std::nullopt, true};
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '@' || (c == ':' && is_clock(text, at)) ||
        (c == '(' && text.substr(0, at + 1).ends_with(kAudit))) {
      return unsure;
    }
    const bool digit = is_digit(c);
    if (!digit && !is_letter(c) && c != ' ') {
      ++at;
      continue;
    }
    if (auto found = read_common(text, at)) {
      // A zone may stand before it.
      const bool named = is_letter(c) && at >= 2 && text[at - 1] == ' ' && is_word(text[at - 2]);
      return named || found->fields.unreadable ? unsure : DateScan{found, false};
    }
    if (!digit) {
      ++at;
      continue;
    }
    // A day in eight digits with its time behind.
    const std::size_t digits = digits_at(text, at);
    if (digits == 8 && at + 8 < text.size() &&
        kBehindDay.find(text[at + 8]) != std::string_view::npos) {
      return unsure;
    }
    at += digits;
  }
  return {};
}

}  // namespace

DateScan scan_for_date(std::string_view text, bool line_begin_only) {
  const DateScan scan = scan_begin(text);
  return scan.found || scan.unsure || line_begin_only ? scan : scan_all(text);
}

bool may_have_default_date(std::string_view text) {
  // Joined into one expression; the epochs are read by hand and cheap.
  static const std::unique_ptr<re2::RE2> any = [] {
    std::string regex;
    for (const auto& each : default_templates()) {
      if (each->weight() == 1 && each->pattern() != nullptr) {
        regex += (regex.empty() ? "(?:" : "|(?:") + each->pattern()->regex() + ")";
      }
    }
    auto compiled = compile_regex(regex);
    if (!compiled) {
      std::abort();
    }
    return std::move(*compiled);
  }();
  const LineTraits traits = LineTraits::of(text);
  if (traits.ten_digits || traits.at_sign) {
    return true;
  }
  return (traits.clock || traits.eight_digits) &&
         re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *any);
}

}  // namespace warder::filter
