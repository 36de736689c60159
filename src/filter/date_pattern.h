#pragma once

#include "filter/calendar.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace warder::filter {

// A date in a line: what it says and which part of the line it is. [begin, end) is cut out before
// any pattern sees the line; it may be empty (a pattern that only says where a date would stand).
// [match_begin, match_end) is all that the template took, up to the begin of the line where it is
// anchored there.
struct FoundDate {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t match_begin = 0;
  std::size_t match_end = 0;
  DateFields fields;
};

// One `datepattern`: a regular expression with the tokens of strptime and {EPOCH}, {LEPOCH}
// (reference/fail2ban-compat.md 10.2 and 10.3; {DATE} and the lists are date_recipe.h's).
// Immutable, thread safe.
//
// What is cut is the first capturing group when the operator wrote one of his own, else the whole
// match. Unless {UNB}, ** or an anchor says otherwise, the date must not begin or end within a
// word. Letters, digits and words are those of ASCII, where the reference takes those of Unicode.
class DatePattern {
 public:
  // kInvalid: an unknown token, one that says again what another says, a month without a day, no
  // token at all, what RE2 refuses. `(?P<name>[...])` with `(?P=name)` is written out for each
  // character of the class; any other reference to a group is refused.
  // Filters share the patterns that they have in common, as long as one of them is in use.
  static util::Result<std::shared_ptr<const DatePattern>> compile(std::string_view pattern);
  ~DatePattern();

  // The leftmost match that begins at `from` or behind.
  std::optional<FoundDate> find(std::string_view text, std::size_t from = 0) const;
  // Can match at the begin of a line only, or at its end only.
  bool is_anchored_at_begin() const { return anchored_begin_; }
  bool is_anchored_at_end() const { return anchored_end_; }
  // The expression for RE2.
  const std::string& regex() const;

 private:
  enum class Field : std::uint8_t {
    kNone,
    kYear,
    kShortYear,
    kIsoYear,
    kMonth,
    kMonthName,
    kFullMonthName,
    kDay,
    kDayOfYear,
    kWeekOfSundays,
    kWeekOfMondays,
    kIsoWeek,
    kWeekday,
    kIsoWeekday,
    kWeekdayName,
    kFullWeekdayName,
    kHour,
    kHour12,
    kMinute,
    kSecond,
    kFraction,
    kAmPm,
    kOffset,
    kZone,
    kEpoch,
    kLongEpoch,
    kTai64n,
  };
  struct Token;
  struct Group {
    Field field = Field::kNone;
    bool cut = false;
  };
  class Compiler;
  class Values;
  DatePattern() = default;
  static const Token* find_token(std::string_view text);

  std::unique_ptr<re2::RE2> regex_;
  // By number; 0 is the whole, which may have a character more on each side, and 1 the match.
  std::vector<Group> groups_;
  bool anchored_begin_ = false;
  bool anchored_end_ = false;
  bool from_line_begin_ = false;  // {^LN-BEG}
};

}  // namespace warder::filter
