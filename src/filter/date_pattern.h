#pragma once

#include "filter/date_templates.h"
#include "util/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace warder::filter {

// One `datepattern` of the operator's own: a regular expression with the tokens of strptime
// (reference/fail2ban-compat.md 10.2 and 10.3) and {EPOCH}. Immutable, thread safe.
//
// The part of the line that is cut is the first capturing group of the operator's own, else the
// whole match. Unless {UNB} or ** says otherwise, the date must not begin or end within a word.
class DatePattern {
 public:
  // kInvalid: an unknown token, {DATE}, TAI64N, a month without a day, what RE2 refuses.
  static util::Result<std::shared_ptr<const DatePattern>> compile(std::string_view pattern);
  ~DatePattern();

  std::optional<FoundDate> find(std::string_view text) const;
  // Can match at the begin of a line only.
  bool is_anchored() const { return anchored_; }

 private:
  enum class Field {
    kNone,
    kYear,
    kShortYear,
    kMonth,
    kMonthName,
    kDay,
    kHour,
    kHour12,
    kMinute,
    kSecond,
    kFraction,
    kAmPm,
    kZone,
    kEpoch,
    kLongEpoch
  };
  struct Token;
  class Compiler;
  DatePattern() = default;
  static const Token* find_token(std::string_view text);

  std::unique_ptr<re2::RE2> regex_;
  std::vector<Field> fields_;  // by group; group 0 is the whole match
  std::size_t cut_group_ = 0;
  bool anchored_ = false;
};

}  // namespace warder::filter
