#include "filter/date_pattern.h"
#include "filter/regex.h"
#include "filter/regex_scanner.h"
#include "filter/unsupported.h"
#include "util/strings.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kLineBegin = "{^LN-BEG}";
constexpr std::string_view kUnbound = "{UNB}";
constexpr std::string_view kTai64n = "@[0-9a-f]{24}";
// A class of more characters is written out for none of them.
constexpr std::size_t kMostSeparators = 8;

// The years of %ExY: decades from 2000 to that of the third year from now. A number elsewhere in a
// line must not become a year.
std::string decades() {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const int year = static_cast<int>(std::chrono::year_month_day(today).year()) + 3;
  return fmt::format("20[0-{}]\\d", std::clamp(year / 10 % 10, 2, 9));
}

bool read(std::string_view& text, std::string_view front) {
  if (!util::to_lower(text.substr(0, front.size())).starts_with(util::to_lower(front))) {
    return false;
  }
  text.remove_prefix(front.size());
  return true;
}

// Does `text` end with `end`, and not with a backslash before it?
bool ends_plainly(std::string_view text, std::string_view end) {
  return text.ends_with(end) && !text.substr(0, text.size() - end.size()).ends_with('\\');
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string result;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    result.append(text.substr(0, at)).append(by);
    text.remove_prefix(at + what.size());
  }
  return result.append(text);
}

}  // namespace

struct DatePattern::Token {
  std::string_view text;
  Field field;
  std::string_view regex;
  // The group's name in the reference: two tokens of one name contradict each other.
  std::string_view name;
};

// The alternatives and their order are the interface (reference/fail2ban-compat.md 10.3). An empty
// expression is that of the years, which depends on today.
const DatePattern::Token* DatePattern::find_token(std::string_view text) {
  static constexpr auto kTokens = std::to_array<Token>({
      {"{LEPOCH}", Field::kLongEpoch, R"(\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?)", "{EPOCH}"},
      {"{EPOCH}", Field::kEpoch, R"(\d{10,11}\b(?:\.\d{3,6})?)", "{EPOCH}"},
      {"{TAI64N}", Field::kTai64n, kTai64n, "{TAI64N}"},
      {"%ExY", Field::kYear, "", "Y"},
      {"%Exy", Field::kShortYear, R"(\d{2})", "y"},
      {"%Exm", Field::kMonth, R"(0[1-9]|1[0-2])", "m"},
      {"%Exd", Field::kDay, R"([1-2]\d|0[1-9]|3[0-1])", "d"},
      {"%ExH", Field::kHour, R"([0-1]\d|2[0-3])", "H"},
      {"%Exk", Field::kHour, R"([0-1]?\d|2[0-3])", "H"},
      {"%Exl", Field::kHour12, R"(1[0-2]|\d)", "I"},
      {"%ExM", Field::kMinute, R"([0-5]\d)", "M"},
      {"%ExS", Field::kSecond, R"([0-5]\d|6[0-1])", "S"},
      {"%Exz", Field::kOffset,
       R"((?:[A-Z](?:[A-Z]{2,4})?)?[+-][01]\d(?::?\d{2})?|[A-Z](?:[A-Z]{2,4})?)", "z"},
      {"%ExZ", Field::kZone, R"([A-Z](?:[A-Z]{2,4})?)", "Z"},
      {"%a", Field::kWeekdayName, "mon|tue|wed|thu|fri|sat|sun", "a"},
      {"%A", Field::kFullWeekdayName, "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
       "A"},
      {"%b", Field::kMonthName, "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", "b"},
      {"%B", Field::kFullMonthName,
       "january|february|march|april|may|june|july|august|september|october|november|december",
       "B"},
      {"%d", Field::kDay, R"([1-2]\d|[0 ]?[1-9]|3[0-1])", "d"},
      {"%f", Field::kFraction, "[0-9]{1,6}", "f"},
      {"%G", Field::kIsoYear, R"(\d{4})", "G"},
      {"%H", Field::kHour, R"([0-1]?\d|2[0-3])", "H"},
      {"%I", Field::kHour12, R"(1[0-2]|0[1-9]|[1-9])", "I"},
      {"%j", Field::kDayOfYear,
       R"(36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9])", "j"},
      {"%k", Field::kHour, R"([0-2]?\d)", "H"},
      {"%l", Field::kHour12, R"(1?\d)", "I"},
      {"%m", Field::kMonth, R"(0?[1-9]|1[0-2])", "m"},
      {"%M", Field::kMinute, R"([0-5]?\d)", "M"},
      {"%p", Field::kAmPm, "am|pm", "p"},
      {"%S", Field::kSecond, R"([0-5]?\d|6[0-1])", "S"},
      {"%u", Field::kIsoWeekday, "[1-7]", "u"},
      {"%U", Field::kWeekOfSundays, R"(5[0-3]|[0-4]\d|\d)", "U"},
      {"%V", Field::kIsoWeek, R"(5[0-3]|0[1-9]|[1-4]\d|\d)", "V"},
      {"%w", Field::kWeekday, "[0-6]", "w"},
      {"%W", Field::kWeekOfMondays, R"(5[0-3]|[0-4]\d|\d)", "W"},
      {"%y", Field::kShortYear, R"(\d\d)", "y"},
      {"%Y", Field::kYear, R"(\d{4})", "Y"},
      {"%z", Field::kOffset, R"(Z|UTC|GMT|[+-][01]\d(?::?\d{2})?)", "z"},
      {"%Z", Field::kZone, "Z|[A-Z]{3,5}", "Z"},
  });
  const auto found = std::find_if(kTokens.begin(), kTokens.end(), [&](const Token& token) {
    std::string_view rest = text;
    return token.text[0] == '%' ? text.starts_with(token.text) : read(rest, token.text);
  });
  return found == kTokens.end() ? nullptr : &*found;
}

// Writes the pattern out as one expression:
//   FLAGS FRONT ( BODY ) BACK
// where the group is the match, and front and back say that no word is cut in two. RE2 cannot look
// around, so they take the character beside the match, which the group leaves out.
class DatePattern::Compiler {
 public:
  explicit Compiler(std::string_view pattern) : pattern_(util::trim(pattern)) {}

  util::Result<std::shared_ptr<const DatePattern>> run() {
    spell_out_compounds();
    read_bounds();
    if (pattern_.empty() && !unbound_) {
      return util::Error(util::ErrorCode::kInvalid, "it says where the date stands, but not how");
    }
    WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> bodies, spell_out_separators());
    for (const std::string& body : bodies) {
      WARDER_RETURN_IF_ERROR(check_supported(body));
    }
    WARDER_RETURN_IF_ERROR(check_tokens(bodies[0]));
    out_->groups_.resize(2);
    std::string regex;
    for (const std::string& body : bodies) {
      regex += (regex.empty() ? "" : "|") + expanded(body);
    }
    const char* front = out_->from_line_begin_ ? R"(^\W{0,2})"
                        : bound_begin_         ? R"((?:^|\b|\W))"
                                               : "";
    const char* back = bound_end_ ? R"((?:\b|\W|$))" : "";
    regex = fmt::format("{}{}({}){}", flags_, front, regex, back);
    WARDER_ASSIGN_OR_RETURN(out_->regex_, compile_regex(regex));
    return std::shared_ptr<const DatePattern>(std::move(out_));
  }

 private:
  // %c, %x and %X stand for others.
  void spell_out_compounds() {
    bool ignore_case = false;
    for (std::size_t at = pattern_.find('%'); at != std::string::npos;
         at = pattern_.find('%', at + 2)) {
      const char c = at + 1 < pattern_.size() ? pattern_[at + 1] : '\0';
      ignore_case |= std::string_view("aAbBpc").find(c) != std::string_view::npos;
      const char* by = c == 'c'   ? R"(%a\s+%b\s+%d\s+%H:%M:%S\s+%Y)"
                       : c == 'x' ? "%m/%d/%y"
                       : c == 'X' ? "%H:%M:%S"
                                  : nullptr;
      if (by != nullptr) {
        pattern_.replace(at, 2, by);
      }
    }
    flags_ = ignore_case ? "(?i)" : "";
  }

  // Takes the words about bounds off the pattern.
  void read_bounds() {
    std::string_view rest = pattern_;
    if (read(rest, kUnbound)) {
      unbound_ = true;
      bound_begin_ = bound_end_ = false;
    } else if (read(rest, kLineBegin)) {
      out_->from_line_begin_ = true;
    }
    read_flags(rest);
    // Parentheses may come before ^ and **.
    std::size_t open = 0;
    while (rest.substr(open).starts_with('(') && !rest.substr(open).starts_with("(?")) {
      ++open;
    }
    std::string head(rest.substr(0, open));
    rest.remove_prefix(open);
    if (read(rest, "**")) {
      bound_begin_ = false;
    } else if (rest.starts_with('^') || rest.starts_with("(?:^")) {
      bound_begin_ = false;
      const std::string_view behind = rest.substr(rest[0] == '^' ? 1 : 4);
      out_->anchored_begin_ = !behind.starts_with('|') || (open == 0 && rest[0] == '^');
    }
    out_->from_line_begin_ &= bound_begin_;
    out_->anchored_begin_ |= out_->from_line_begin_;
    std::size_t closed = 0;
    while (rest.substr(0, rest.size() - closed).ends_with(')')) {
      ++closed;
    }
    const std::string tail(rest.substr(rest.size() - closed));
    rest.remove_suffix(closed);
    if (ends_plainly(rest, "**")) {
      rest.remove_suffix(2);
      bound_end_ = false;
    } else if (ends_plainly(rest, "$") && closed <= 1) {
      bound_end_ = false;
      out_->anchored_end_ = !rest.ends_with("|$");
    } else if (closed == 0 && (ends_plainly(rest, "\\b") || ends_plainly(rest, "\\s"))) {
      bound_end_ = false;
    }
    pattern_ = head.append(rest).append(tail);
  }

  // "(?iu)" at the begin: what Python knows beyond RE2 is the case there anyway.
  void read_flags(std::string_view& rest) {
    if (!rest.starts_with("(?")) {
      return;
    }
    const std::size_t end = rest.find(')');
    const std::string_view letters = rest.substr(2, end - 2);
    if (end == std::string_view::npos || letters.empty() ||
        letters.find_first_not_of("aiLmsu") != std::string_view::npos) {
      return;
    }
    std::string known(flags_.empty() ? "" : "i");
    for (const char c : letters) {
      if ((c == 'i' || c == 's' || c == 'm') && known.find(c) == std::string::npos) {
        known += c;
      }
    }
    flags_ = known.empty() ? "" : fmt::format("(?{})", known);
    rest.remove_prefix(end + 1);
  }

  // A group that is one of a few characters, and referred to: one body for each of them, which
  // begins with the same groups.
  util::Result<std::vector<std::string>> spell_out_separators() const {
    const std::size_t use = pattern_.find("(?P=");
    if (use == std::string::npos) {
      return std::vector<std::string>{pattern_};
    }
    const std::string_view rest = std::string_view(pattern_).substr(use + 4);
    const std::string name(rest.substr(0, rest.find(')')));
    const std::string begin = fmt::format("(?P<{}>[", name);
    const std::size_t at = pattern_.find(begin);
    const std::size_t end = at == std::string::npos ? at : pattern_.find("])", at);
    if (end == std::string::npos || at > use) {
      return std::vector<std::string>{pattern_};  // refused with the others
    }
    const std::string_view in_class =
        std::string_view(pattern_).substr(at + begin.size(), end - at - begin.size());
    const std::size_t dash = in_class.find('-');
    if (in_class.empty() || in_class.size() > kMostSeparators || in_class[0] == '^' ||
        in_class.find('\\') != std::string_view::npos ||
        (dash != std::string_view::npos && dash != 0 && dash + 1 != in_class.size())) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("'(?P={})' refers to a group that is more than one of a few "
                                     "characters; write one datepattern for each value",
                                     name));
    }
    std::vector<std::string> bodies;
    const std::string group = pattern_.substr(at, end + 2 - at);
    for (const char separator : in_class) {
      const std::string literal = fmt::format("[{}]", separator);
      bodies.push_back(replaced(replaced(pattern_, group, "(?:" + literal + ")"),
                                fmt::format("(?P={})", name), literal));
    }
    return bodies;
  }

  util::Status check_tokens(std::string_view body) const {
    std::vector<const Token*> used;
    bool empty_group = false;
    for (RegexScanner scanner(body); !scanner.done();) {
      const Token* token = scanner.is_escape() ? nullptr : find_token(scanner.rest());
      if (token != nullptr) {
        if (std::any_of(used.begin(), used.end(),
                        [&](const Token* known) { return known->name == token->name; })) {
          return util::Error(util::ErrorCode::kInvalid,
                             fmt::format("'{}' says again what another token says", token->text));
        }
        used.push_back(token);
        scanner.skip(token->text.size());
        continue;
      }
      if (scanner.element() == "%") {
        const std::string_view rest = scanner.rest();
        if (!rest.starts_with("%%")) {
          return util::Error(util::ErrorCode::kInvalid,
                             fmt::format("'{}' is no token of a date",
                                         rest.substr(0, rest.starts_with("%Ex") ? 4 : 2)));
        }
        scanner.skip(2);
        continue;
      }
      empty_group |= scanner.rest().starts_with("()");
      if (const auto field = field_of_group(scanner)) {
        used.push_back(field);
      }
      scanner.next();
    }
    const auto uses = [&](std::initializer_list<std::string_view> names) {
      return std::any_of(used.begin(), used.end(), [&](const Token* token) {
        return std::find(names.begin(), names.end(), token->name) != names.end();
      });
    };
    if (used.empty() && !empty_group && !unbound_) {
      return util::Error(util::ErrorCode::kInvalid,
                         "it has no token of a date, such as %Y or {EPOCH} (in a file, % is "
                         "written %%)");
    }
    if (uses({"m", "b", "B"}) != uses({"d"}) && !uses({"j"}) &&
        !(uses({"U", "W", "V"}) && uses({"a", "A", "w", "u"}))) {
      return util::Error(util::ErrorCode::kInvalid,
                         uses({"d"}) ? "it names a day without a month; name both or neither"
                                     : "it names a month without a day; name both or neither");
    }
    return {};
  }

  // (?P<Y>...): a group of the operator's own with the name of a token is that field.
  static const Token* field_of_group(const RegexScanner& scanner) {
    const std::string_view rest = scanner.rest();
    if (!scanner.is('(') || !rest.starts_with("(?P<")) {
      return nullptr;
    }
    const std::string name = "%" + std::string(rest.substr(4, rest.find('>') - 4));
    const Token* token = find_token(name);
    return token != nullptr && token->text == name ? token : nullptr;
  }

  // The body as RE2 reads it: tokens and named groups are plain groups, whose fields are noted.
  std::string expanded(std::string_view body) {
    std::string text;
    // Has the operator a group of his own? Then the first of all is cut.
    bool own_group = false;
    for (RegexScanner scanner(body); !scanner.done(); scanner.next()) {
      own_group |= scanner.is('(') && !scanner.is_escape() && !scanner.rest().starts_with("(?");
    }
    // With {EPOCH} the first of his own, whatever is before it.
    const bool own_only = body.find("EPOCH}") != std::string_view::npos;
    bool cut_known = !own_group;
    const auto add = [&](Field field, bool own) {
      const bool cut = !cut_known && (own || !own_only);
      cut_known |= cut;
      out_->groups_.push_back({field, cut});
    };
    for (RegexScanner scanner(body); !scanner.done();) {
      const Token* token = scanner.is_escape() ? nullptr : find_token(scanner.rest());
      if (token != nullptr) {
        add(token->field, false);
        // The blank before %k and %l is no part of the number.
        text += token->text.ends_with('k') || token->text.ends_with('l') ? " ?(" : "(";
        text += token->regex.empty() ? decades() : std::string(token->regex);
        text += ')';
        scanner.skip(token->text.size());
        continue;
      }
      if (scanner.element() == "%") {
        text += '%';
        scanner.skip(2);
        continue;
      }
      if (scanner.is('(') && !scanner.is_escape() && scanner.rest().starts_with("(?P<")) {
        const Token* field = field_of_group(scanner);
        add(field == nullptr ? Field::kNone : field->field, false);
        text += '(';
        const std::size_t end = scanner.rest().find('>');
        scanner.next();
        scanner.skip(std::min(end, scanner.rest().size()));
        continue;
      }
      if (scanner.is('(') && !scanner.is_escape() && !scanner.rest().starts_with("(?")) {
        add(Field::kNone, true);
      }
      text += scanner.element();
      scanner.next();
    }
    return text;
  }

  std::string pattern_;
  std::string flags_;
  bool unbound_ = false;
  bool bound_begin_ = true;
  bool bound_end_ = true;
  std::shared_ptr<DatePattern> out_{new DatePattern};
};

util::Result<std::shared_ptr<const DatePattern>> DatePattern::compile(std::string_view pattern) {
  // By what they say, and by the decades that %ExY stands for today. The lock is held while
  // compiling: filters are loaded one after the other.
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const DatePattern>> known;
  const std::scoped_lock lock(mutex);
  const std::string key = fmt::format("{} {}", decades(), pattern);
  const auto found = known.find(key);
  if (found != known.end()) {
    if (auto shared = found->second.lock()) {
      return shared;
    }
  }
  WARDER_ASSIGN_OR_RETURN(auto compiled, Compiler(pattern).run());
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  known[key] = compiled;
  return compiled;
}

}  // namespace warder::filter
