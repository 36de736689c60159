#include "filter/date_pattern.h"

#include "filter/regex.h"
#include "filter/regex_scanner.h"
#include "filter/unsupported.h"
#include "util/strings.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace warder::filter {
namespace {

constexpr std::string_view kLineBegin = "{^LN-BEG}";
constexpr std::string_view kUnbound = "{UNB}";
constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";

int to_int(std::string_view digits) {
  int value = 0;
  const std::string_view trimmed = util::trim(digits);
  std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  return value;
}

int month_of(std::string_view name) {
  return static_cast<int>(kMonths.find(util::to_lower(name.substr(0, 3))) / 3) + 1;
}

// "Z", "UTC", "GMT", "+02", "+0200", "+02:00"
std::chrono::seconds zone_of(std::string_view text) {
  if (text[0] != '+' && text[0] != '-') {
    return std::chrono::seconds(0);
  }
  const std::chrono::seconds offset =
      std::chrono::hours(to_int(text.substr(1, 2))) +
      std::chrono::minutes(text.size() > 3 ? to_int(text.substr(text.size() - 2)) : 0);
  return text[0] == '-' ? -offset : offset;
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

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

struct DatePattern::Token {
  std::string_view text;
  Field field;
  std::string_view regex;
};

// Longer spellings first: %ExY before %E... The alternatives and their order are the interface.
const DatePattern::Token* DatePattern::find_token(std::string_view text) {
  static constexpr std::array<Token, 40> kTokens{{
      {"{LEPOCH}", Field::kLongEpoch, R"(\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?)"},
      {"{EPOCH}", Field::kEpoch, R"(\d{10,11}\b(?:\.\d{3,6})?)"},
      {"%ExY", Field::kYear, R"(20\d\d)"},
      {"%Exy", Field::kShortYear, R"(\d{2})"},
      {"%Exm", Field::kMonth, R"(0[1-9]|1[0-2])"},
      {"%Exd", Field::kDay, R"([1-2]\d|0[1-9]|3[0-1])"},
      {"%ExH", Field::kHour, R"([0-1]\d|2[0-3])"},
      {"%Exk", Field::kHour, R"( ?(?:[0-1]?\d|2[0-3]))"},
      {"%Exl", Field::kHour12, R"( ?(?:1[0-2]|\d))"},
      {"%ExM", Field::kMinute, R"([0-5]\d)"},
      {"%ExS", Field::kSecond, R"([0-5]\d|6[0-1])"},
      {"%Y", Field::kYear, R"(\d{4})"},
      {"%y", Field::kShortYear, R"(\d\d)"},
      {"%m", Field::kMonth, R"(0?[1-9]|1[0-2])"},
      {"%b", Field::kMonthName, "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"},
      {"%B", Field::kMonthName,
       "january|february|march|april|may|june|july|august|september|october|november|december"},
      {"%d", Field::kDay, R"([1-2]\d|[0 ]?[1-9]|3[0-1])"},
      {"%H", Field::kHour, R"([0-1]?\d|2[0-3])"},
      {"%k", Field::kHour, R"( ?[0-2]?\d)"},
      {"%I", Field::kHour12, R"(1[0-2]|0[1-9]|[1-9])"},
      {"%l", Field::kHour12, R"( ?1?\d)"},
      {"%M", Field::kMinute, R"([0-5]?\d)"},
      {"%S", Field::kSecond, R"([0-5]?\d|6[0-1])"},
      {"%f", Field::kFraction, R"(\d{1,6})"},
      {"%p", Field::kAmPm, "am|pm"},
      {"%z", Field::kZone, R"(Z|UTC|GMT|[+-][01]\d(?::?\d{2})?)"},
      {"%a", Field::kNone, "mon|tue|wed|thu|fri|sat|sun"},
      {"%A", Field::kNone, "monday|tuesday|wednesday|thursday|friday|saturday|sunday"},
      {"%%", Field::kNone, "%"},
  }};
  for (const Token& token : kTokens) {
    if (!token.text.empty() && text.starts_with(token.text)) {
      return &token;
    }
  }
  return nullptr;
}

// Writes the pattern out as one regular expression.
class DatePattern::Compiler {
 public:
  explicit Compiler(std::string_view pattern) : pattern_(pattern) {}

  util::Result<std::shared_ptr<const DatePattern>> run() {
    WARDER_RETURN_IF_ERROR(check_supported(pattern_));
    WARDER_RETURN_IF_ERROR(read_boundaries());
    WARDER_RETURN_IF_ERROR(expand_tokens());
    WARDER_RETURN_IF_ERROR(check_fields());
    const bool ends_in_word = bound_end_ && !body_.empty() && ends_like_word();
    const std::string regex =
        fmt::format("{}{}{}{}{}{}", ignore_case_ ? "(?i)" : "", front_,
                    bound_begin_ && begins_like_word() ? "\\b" : "", own_group_ ? "" : "(", body_,
                    std::string(own_group_ ? "" : ")") + (ends_in_word ? "\\b" : ""));
    WARDER_ASSIGN_OR_RETURN(out_->regex_, compile_regex(regex));
    assign_groups();
    return std::shared_ptr<const DatePattern>(std::move(out_));
  }

 private:
  util::Status read_boundaries() {
    if (pattern_.starts_with(kLineBegin)) {
      pattern_.remove_prefix(kLineBegin.size());
      front_ = R"(^\W{0,2})";
      bound_begin_ = false;
      out_->anchored_ = true;
    } else if (pattern_.starts_with(kUnbound)) {
      pattern_.remove_prefix(kUnbound.size());
      bound_begin_ = bound_end_ = false;
    }
    if (pattern_.starts_with("**")) {
      pattern_.remove_prefix(2);
      bound_begin_ = false;
    }
    if (pattern_.starts_with('^')) {
      pattern_.remove_prefix(1);
      front_ = "^";
      bound_begin_ = false;
      out_->anchored_ = true;
    }
    if (pattern_.ends_with("**")) {
      pattern_.remove_suffix(2);
      bound_end_ = false;
    }
    if (pattern_.ends_with('$') || pattern_.ends_with("\\b") || pattern_.ends_with("\\s")) {
      bound_end_ = false;
    }
    if (pattern_.empty()) {
      return util::Error(util::ErrorCode::kInvalid, "it says where the date stands, but not how");
    }
    return {};
  }

  util::Status expand_tokens() {
    for (RegexScanner scanner(pattern_); !scanner.done();) {
      const std::string_view rest = scanner.rest();
      const Token* token = scanner.is_escape() ? nullptr : find_token(rest);
      if (token != nullptr) {
        WARDER_RETURN_IF_ERROR(add(*token));
        scanner.skip(token->text.size());
        continue;
      }
      if (scanner.is('%')) {
        const std::size_t length = rest.starts_with("%Ex") ? 4 : 2;
        return util::Error(
            util::ErrorCode::kInvalid,
            fmt::format("'{}' is no token of a date that is supported", rest.substr(0, length)));
      }
      if (rest.starts_with("{DATE}")) {
        return util::Error(util::ErrorCode::kInvalid,
                           "{DATE} is not supported; write the date's form out");
      }
      if (scanner.is('(') && (!rest.starts_with("(?") || rest.starts_with("(?P<"))) {
        own_group_ = true;
      }
      body_ += scanner.element();
      scanner.next();
    }
    return {};
  }

  util::Status add(const Token& token) {
    if (token.field == Field::kNone) {
      body_ += fmt::format("(?:{})", token.regex);
    } else {
      const auto number = static_cast<int>(token.field);
      if (std::find(used_.begin(), used_.end(), token.field) != used_.end()) {
        return util::Error(util::ErrorCode::kInvalid,
                           fmt::format("'{}' says again what another token says", token.text));
      }
      used_.push_back(token.field);
      body_ += fmt::format("(?P<_{}>{})", number, token.regex);
    }
    ignore_case_ |= token.field == Field::kMonthName || token.field == Field::kAmPm ||
                    token.text == "%a" || token.text == "%A";
    return {};
  }

  bool uses(Field field) const {
    return std::find(used_.begin(), used_.end(), field) != used_.end();
  }

  util::Status check_fields() const {
    const bool month = uses(Field::kMonth) || uses(Field::kMonthName);
    const bool day = uses(Field::kDay);
    const bool year = uses(Field::kYear) || uses(Field::kShortYear);
    if (used_.empty()) {
      return util::Error(util::ErrorCode::kInvalid,
                         "it has no token of a date, such as %Y or {EPOCH} (in a file, % is "
                         "written %%)");
    }
    if (month != day || (year && !month)) {
      return util::Error(util::ErrorCode::kInvalid,
                         "it needs month and day together, or neither of them and no year");
    }
    return {};
  }

  bool begins_like_word() const {
    const char c = pattern_[0];
    return is_word(c) || c == '%' || c == '{' || c == '(' || c == '[' ||
           pattern_.starts_with("\\d") || pattern_.starts_with("\\w");
  }
  bool ends_like_word() const {
    const char c = pattern_.back();
    const bool escaped = pattern_.size() > 1 && pattern_[pattern_.size() - 2] == '\\';
    if (escaped) {
      return c == 'd' || c == 'w';
    }
    return is_word(c) || c == '}' || c == ')' || c == '?';
  }

  // Token groups by number; the first other group is what is cut.
  void assign_groups() {
    const auto& names = out_->regex_->CapturingGroupNames();
    const int groups = out_->regex_->NumberOfCapturingGroups();
    out_->fields_.assign(static_cast<std::size_t>(groups) + 1, Field::kNone);
    for (int group = groups; group >= 1; --group) {
      const auto name = names.find(group);
      if (name != names.end() && name->second[0] == '_') {
        out_->fields_[static_cast<std::size_t>(group)] =
            static_cast<Field>(to_int(std::string_view(name->second).substr(1)));
      } else {
        out_->cut_group_ = static_cast<std::size_t>(group);
      }
    }
  }

  std::string_view pattern_;
  std::string front_;
  std::string body_;
  std::vector<Field> used_;
  bool bound_begin_ = true;
  bool bound_end_ = true;
  bool own_group_ = false;
  bool ignore_case_ = false;
  std::shared_ptr<DatePattern> out_{new DatePattern};
};

util::Result<std::shared_ptr<const DatePattern>> DatePattern::compile(std::string_view pattern) {
  return Compiler(pattern).run();
}

DatePattern::~DatePattern() = default;

std::optional<FoundDate> DatePattern::find(std::string_view text) const {
  std::vector<re2::StringPiece> groups(fields_.size());
  if (!regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                     re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  const re2::StringPiece& cut = groups[cut_group_];
  FoundDate found;
  found.begin = cut.data() == nullptr ? 0 : static_cast<std::size_t>(cut.data() - text.data());
  found.end = found.begin + cut.size();
  DateFields& fields = found.fields;
  bool afternoon = false;
  for (std::size_t group = 1; group < groups.size(); ++group) {
    const std::string_view value(groups[group].data(), groups[group].size());
    if (value.empty()) {
      continue;
    }
    switch (fields_[group]) {
      case Field::kNone:
        break;
      case Field::kYear:
        fields.year = to_int(value);
        break;
      case Field::kShortYear:
        fields.year = 2000 + to_int(value);
        break;
      case Field::kMonth:
        fields.month = to_int(value);
        break;
      case Field::kMonthName:
        fields.month = month_of(value);
        break;
      case Field::kDay:
        fields.day = to_int(value);
        break;
      case Field::kHour:
        fields.hour = to_int(value);
        break;
      case Field::kHour12:
        fields.hour = to_int(value) % 12;
        break;
      case Field::kMinute:
        fields.minute = to_int(value);
        break;
      case Field::kSecond:
        fields.second = to_int(value);
        break;
      case Field::kFraction: {
        std::string digits(value);
        digits.resize(6, '0');
        fields.microsecond = to_int(digits);
        break;
      }
      case Field::kAmPm:
        afternoon = value[0] == 'p' || value[0] == 'P';
        break;
      case Field::kZone:
        fields.utc_offset = zone_of(value);
        break;
      case Field::kEpoch:
        fields.epoch = epoch_of(value, false);
        break;
      case Field::kLongEpoch:
        fields.epoch = epoch_of(value, true);
        break;
    }
  }
  if (afternoon) {
    fields.hour += 12;
  }
  return found;
}

}  // namespace warder::filter
