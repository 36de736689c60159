// Python's `re` syntax (https://docs.python.org/3.11/library/re.html) with the tags of fail2ban.
#include "filter/char_class_syntax.h"
#include "filter/regex_tags.h"
#include "filter/regex_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::filter {
namespace {

constexpr int kMostRepetitions = 1000;  // of RE2
// Deeper than any expression written by hand; the tree is walked by recursion.
constexpr std::size_t kDeepest = 100;
// RE2's program for more would not fit into its memory.
constexpr std::size_t kMostText = 32 << 10;

struct Flags {
  bool fold = false;
  bool dot_all = false;
  bool lines = false;
  bool ascii = false;
};

class Parser {
 public:
  Parser(std::string_view text, const RegexDialect& dialect, RegexTree& tree)
      : text_(text), dialect_(dialect), tree_(tree) {
    flags_.lines = dialect.lines;
  }

  util::Status run() {
    if (text_.size() > kMostText) {
      return error(0, "the expression is longer than 32 KiB; divide it into several");
    }
    tree_.names.emplace_back();
    // Flags for the whole expression stand at its begin.
    while (is("(?") && is_flags(text_.find(')', at_))) {
      const std::size_t end = text_.find(')', at_);
      WARDER_RETURN_IF_ERROR(read_flags(end, flags_));
      at_ = end + 1;
    }
    WARDER_ASSIGN_OR_RETURN(tree_.root, alternatives());
    if (!done()) {
      return error(at_, "')' closes no group; write \\) for the character");
    }
    return {};
  }

 private:
  static util::Error error(std::size_t at, std::string_view what) { return regex_error(at, what); }

  bool done() const { return at_ >= text_.size(); }
  std::string_view rest() const { return text_.substr(at_); }
  bool is(std::string_view what) const { return rest().starts_with(what); }
  bool take(std::string_view what) {
    if (!is(what)) {
      return false;
    }
    at_ += what.size();
    return true;
  }

  // ")" or the closing form of a free tag that is open.
  std::size_t closing_length() const {
    if (done()) {
      return 0;
    }
    if (text_[at_] == ')') {
      return 1;
    }
    const std::string_view name = closing_tag_name(rest());
    return !name.empty() && std::find(open_.begin(), open_.end(), name) != open_.end()
               ? name.size() + 5
               : 0;
  }

  util::Result<RegexNode> alternatives() {
    if (++depth_ > kDeepest) {
      return error(at_, "groups are nested deeper than 100");
    }
    std::vector<RegexNode> kids;
    do {
      WARDER_ASSIGN_OR_RETURN(RegexNode kid, sequence());
      kids.push_back(std::move(kid));
    } while (take("|"));
    --depth_;
    return make_alternate(std::move(kids));
  }

  util::Result<RegexNode> sequence() {
    std::vector<RegexNode> kids;
    while (!done() && text_[at_] != '|' && closing_length() == 0) {
      const std::size_t begin = at_;
      WARDER_ASSIGN_OR_RETURN(RegexNode kid, element());
      kid.at = begin;
      WARDER_RETURN_IF_ERROR(quantifiers(kid));
      kids.push_back(std::move(kid));
    }
    return make_concat(std::move(kids));
  }

  util::Result<RegexNode> element() {
    const char c = text_[at_];
    switch (c) {
      case '(':
        return group();
      case '[':
        return char_set();
      case '\\':
        return escape();
      case '<':
        return tag();
      case '.': {
        ++at_;
        CharClass chars = CharClass::any();
        if (!flags_.dot_all) {
          chars = CharClass::single('\n');
          chars.negate();
        }
        return character(std::move(chars));
      }
      case '^':
        ++at_;
        return assertion(flags_.lines ? AssertKind::kLineBegin : AssertKind::kTextBegin);
      case '$':
        ++at_;
        return assertion(flags_.lines ? AssertKind::kLineEnd : AssertKind::kTextEnd);
      case '*':
      case '+':
      case '?':
        return error(at_, fmt::format("'{}' repeats nothing; write \\{} for the character", c, c));
      default:
        return character(CharClass::single(read_character(text_, at_)));
    }
  }

  static RegexNode assertion(AssertKind kind, bool negative = false) {
    RegexNode node;
    node.kind = NodeKind::kAssert;
    node.assertion = kind;
    node.negative = negative;
    return node;
  }

  RegexNode character(CharClass chars) const {
    RegexNode node;
    node.kind = NodeKind::kClass;
    if (flags_.fold) {
      chars.fold_case();
    }
    node.chars = std::move(chars);
    return node;
  }

  // Wraps `node` into what is written behind it.
  util::Status quantifiers(RegexNode& node) {
    std::size_t begin = at_;
    int least = 0;
    int most = 0;
    WARDER_ASSIGN_OR_RETURN(bool repeats, quantifier(least, most));
    if (!repeats) {
      return {};
    }
    const bool lazy = take("?");
    if (!lazy && is("+")) {
      return error(begin, fmt::format("'{}' (possessive quantifier) is not supported, because it "
                                      "cannot be matched in linear time; leave the second '+' out: "
                                      "RE2 never backtracks",
                                      text_.substr(begin, at_ + 1 - begin)));
    }
    if (least > kMostRepetitions || most > kMostRepetitions) {
      return error(begin, "more than 1000 repetitions; write '{n,}' without an upper bound");
    }
    if (most != kNoLimit && least > most) {
      return error(begin, "the least number of repetitions is above the most");
    }
    RegexNode repeat;
    repeat.kind = NodeKind::kRepeat;
    repeat.at = begin;
    repeat.least = least;
    repeat.most = most;
    repeat.lazy = lazy;
    repeat.kids.push_back(std::move(node));
    node = std::move(repeat);
    begin = at_;
    WARDER_ASSIGN_OR_RETURN(repeats, quantifier(least, most));
    if (repeats) {
      return error(begin, "a repetition of a repetition; put the first into (?:...)");
    }
    return {};
  }

  util::Result<bool> quantifier(int& least, int& most) {
    if (take("*")) {
      least = 0;
      most = kNoLimit;
      return true;
    }
    if (take("+")) {
      least = 1;
      most = kNoLimit;
      return true;
    }
    if (take("?")) {
      least = 0;
      most = 1;
      return true;
    }
    if (!is("{")) {
      return false;
    }
    // "{" that begins no numbers is a character.
    std::size_t at = at_ + 1;
    const auto number = [&]() -> std::optional<int> {
      const std::size_t begin = at;
      int value = 0;
      while (at < text_.size() && text_[at] >= '0' && text_[at] <= '9') {
        value = std::min(kMostRepetitions + 1, value * 10 + (text_[at] - '0'));
        ++at;
      }
      return at == begin ? std::nullopt : std::optional<int>(value);
    };
    const std::optional<int> first = number();
    std::optional<int> second = first;
    if (at < text_.size() && text_[at] == ',') {
      ++at;
      second = number();
      if (!second) {
        second = kNoLimit;
      }
    } else if (!first) {
      return false;
    }
    if (at >= text_.size() || text_[at] != '}') {
      return false;
    }
    at_ = at + 1;
    least = first.value_or(0);
    most = *second;
    return true;
  }

  // ---- characters

  util::Result<RegexNode> escape() {
    const std::size_t begin = at_;
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    switch (c) {
      case 'A':
        at_ += 2;
        return assertion(AssertKind::kTextBegin);
      case 'Z':
      case 'z':  // not Python's, but RE2's, and means nothing else
        at_ += 2;
        return assertion(AssertKind::kVeryEnd);
      case 'b':
      case 'B':
        at_ += 2;
        return assertion(AssertKind::kWordBoundary, c == 'B');
      default:
        break;
    }
    if (c >= '1' && c <= '9') {
      at_ += 2;
      std::size_t number = static_cast<std::size_t>(c - '0');
      if (!done() && text_[at_] >= '0' && text_[at_] <= '9') {
        number = number * 10 + static_cast<std::size_t>(text_[at_] - '0');
        ++at_;
      }
      if (number >= tree_.names.size()) {
        return error(begin, fmt::format("there is no group {} before it", number));
      }
      return back_reference(number);
    }
    WARDER_ASSIGN_OR_RETURN(CharClass chars, read_escape(text_, at_, flags_.ascii));
    return character(std::move(chars));
  }

  util::Result<RegexNode> char_set() {
    WARDER_ASSIGN_OR_RETURN(CharClass chars, read_char_set(text_, at_, flags_.ascii, flags_.fold));
    RegexNode node;
    node.kind = NodeKind::kClass;
    node.chars = std::move(chars);
    return node;
  }

  RegexNode back_reference(std::size_t group) const {
    RegexNode node;
    node.kind = NodeKind::kBackReference;
    node.group = group;
    node.fold = flags_.fold;
    return node;
  }

  // ---- groups and tags

  util::Result<RegexNode> closed(std::size_t begin, util::Result<RegexNode> inner) {
    WARDER_ASSIGN_OR_RETURN(RegexNode node, std::move(inner));
    const std::size_t length = closing_length();
    if (length == 0) {
      return error(begin, fmt::format("'{}' is not closed",
                                      text_.substr(begin, text_[begin] == '(' ? 1 : 12)));
    }
    at_ += length;
    return node;
  }

  util::Result<RegexNode> capture(std::size_t begin, std::string name) {
    if (!name.empty() && tree_.has_group(name)) {
      return error(begin, fmt::format("the group '{}' stands in it twice; an address or a tag can "
                                      "be captured once",
                                      name));
    }
    if (tree_.names.size() > kMostGroups) {
      return error(begin, "it has more than 63 groups; write (?:...) for those nobody asks for");
    }
    RegexNode node;
    node.kind = NodeKind::kCapture;
    node.group = tree_.names.size();
    tree_.names.push_back(std::move(name));
    const Flags outer = flags_;
    WARDER_ASSIGN_OR_RETURN(RegexNode inner, closed(begin, alternatives()));
    flags_ = outer;
    node.kids.push_back(std::move(inner));
    return node;
  }

  util::Result<RegexNode> group() {
    const std::size_t begin = at_;
    ++at_;
    if (!is("?")) {
      if (is_flags_group()) {
        // "((?i)...)" is what older expressions have for "(?i:...)".
        return flagged_group(begin);
      }
      return capture(begin, {});
    }
    if (take("?:")) {
      return is_flags_group() ? flagged_group(begin) : closed_scope(begin);
    }
    if (take("?P<") || (is("?<") && !is("?<=") && !is("?<!") && take("?<"))) {
      WARDER_ASSIGN_OR_RETURN(std::string name, read_name('>', begin));
      return capture(begin, std::move(name));
    }
    if (take("?P=")) {
      WARDER_ASSIGN_OR_RETURN(const std::string name, read_name(')', begin));
      WARDER_ASSIGN_OR_RETURN(const std::size_t number, find_group(name, begin));
      return back_reference(number);
    }
    if (take("?#")) {
      const std::size_t end = text_.find(')', at_);
      if (end == std::string_view::npos) {
        return error(begin, "the comment is not closed");
      }
      at_ = end + 1;
      return RegexNode{};
    }
    if (take("?=")) {
      return look(begin, AssertKind::kAhead, false);
    }
    if (take("?!")) {
      return look(begin, AssertKind::kAhead, true);
    }
    if (take("?<=")) {
      return look(begin, AssertKind::kBehind, false);
    }
    if (take("?<!")) {
      return look(begin, AssertKind::kBehind, true);
    }
    if (take("?(")) {
      return conditional(begin);
    }
    if (is("?>")) {
      return error(begin,
                   "'(?>' (atomic group) is not supported, because it cannot be matched in linear "
                   "time; write (?: instead: RE2 never backtracks");
    }
    const std::size_t colon = text_.find_first_of(":)", at_);
    if (is_flags(colon) && text_[colon] == ':') {
      const Flags outer = flags_;
      WARDER_RETURN_IF_ERROR(read_flags(colon, flags_));
      at_ = colon + 1;
      auto inner = closed(begin, alternatives());
      flags_ = outer;
      return inner;
    }
    if (is_flags(colon)) {
      return error(begin, fmt::format("flags inside of an expression; write '{}:...)' around what "
                                      "they are for, or put them at the begin",
                                      text_.substr(begin, colon - begin)));
    }
    return error(begin, "'(?' begins no group that is known");
  }

  util::Result<RegexNode> closed_scope(std::size_t begin) {
    const Flags outer = flags_;
    auto inner = closed(begin, alternatives());
    flags_ = outer;
    return inner;
  }

  bool is_flags_group() const { return is("(?") && is_flags(text_.find(')', at_), at_ + 2); }

  util::Result<RegexNode> flagged_group(std::size_t begin) {
    const Flags outer = flags_;
    const std::size_t end = text_.find(')', at_);
    ++at_;
    WARDER_RETURN_IF_ERROR(read_flags(end, flags_));
    at_ = end + 1;
    auto inner = closed(begin, alternatives());
    flags_ = outer;
    return inner;
  }

  util::Result<RegexNode> look(std::size_t begin, AssertKind kind, bool negative) {
    const std::size_t groups = tree_.names.size();
    WARDER_ASSIGN_OR_RETURN(RegexNode inner, closed_scope(begin));
    const bool named =
        std::any_of(tree_.names.begin() + static_cast<std::ptrdiff_t>(groups), tree_.names.end(),
                    [](const auto& name) { return !name.empty(); });
    if (named) {
      return error(begin,
                   "a named group inside of what is only looked at is not supported; capture it "
                   "where it is matched");
    }
    RegexNode node = assertion(kind, negative);
    node.kids.push_back(std::move(inner));
    return node;
  }

  util::Result<RegexNode> conditional(std::size_t begin) {
    WARDER_ASSIGN_OR_RETURN(const std::string name, read_name(')', begin));
    WARDER_ASSIGN_OR_RETURN(const std::size_t number, find_group(name, begin));
    WARDER_ASSIGN_OR_RETURN(RegexNode inner, closed_scope(begin));
    RegexNode node;
    node.kind = NodeKind::kConditional;
    node.group = number;
    if (inner.kind == NodeKind::kAlternate && inner.kids.size() == 2) {
      node.kids = std::move(inner.kids);
    } else if (inner.kind == NodeKind::kAlternate) {
      return error(begin, "a conditional group has two branches at most");
    } else {
      node.kids.push_back(std::move(inner));
      node.kids.emplace_back();
    }
    return node;
  }

  util::Result<std::string> read_name(char end_mark, std::size_t begin) {
    const std::size_t end = text_.find(end_mark, at_);
    const std::string_view name =
        text_.substr(at_, end == std::string_view::npos ? end : end - at_);
    const bool fits = end != std::string_view::npos && !name.empty() &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '_';
                      });
    if (!fits) {
      return error(begin, "the name of a group has letters, digits and '_' only");
    }
    at_ = end + 1;
    return std::string(name);
  }

  util::Result<std::size_t> find_group(std::string_view name, std::size_t begin) const {
    const auto found = std::find(tree_.names.begin() + 1, tree_.names.end(), name);
    if (found != tree_.names.end()) {
      return static_cast<std::size_t>(found - tree_.names.begin());
    }
    std::size_t number = 0;
    for (const char c : name) {
      number = c >= '0' && c <= '9' && number < kMostGroups
                   ? number * 10 + static_cast<std::size_t>(c - '0')
                   : kMostGroups + 1;
    }
    if (number == 0 || number >= tree_.names.size()) {
      return error(begin, fmt::format("there is no group '{}' before it", name));
    }
    return number;
  }

  // Are these flags, up to `end`?
  bool is_flags(std::size_t end) const { return is_flags(end, at_ + (is("(?") ? 2 : 1)); }
  bool is_flags(std::size_t end, std::size_t begin) const {
    return end != std::string_view::npos && end > begin &&
           text_.substr(begin, end - begin).find_first_not_of("aiLmsux-") == std::string_view::npos;
  }

  util::Status read_flags(std::size_t end, Flags& flags) const {
    bool on = true;
    for (std::size_t at = text_.find('?', at_) + 1; at < end; ++at) {
      switch (text_[at]) {
        case '-':
          on = false;
          break;
        case 'i':
          flags.fold = on;
          break;
        case 's':
          flags.dot_all = on;
          break;
        case 'm':
          flags.lines = on;
          break;
        case 'a':
          flags.ascii = on;
          break;
        case 'u':
          break;
        default:
          return error(
              at, fmt::format("the flag '{}' is not supported; allowed are a, i, m, s", text_[at]));
      }
    }
    return {};
  }

  util::Result<RegexNode> tag() {
    const std::size_t begin = at_;
    for (const RegexTag& known : tags_of(dialect_.host)) {
      if (take(known.name)) {
        return expand(known.expansion, known.run, begin);
      }
    }
    if (is("<SKIPLINES>")) {
      if (!dialect_.lines) {
        return error(begin,
                     "<SKIPLINES> skips nothing, because each line is judged alone; set maxlines "
                     "to the number of lines that belong together");
      }
      at_ += 11;
      return expand(fmt::format("\\n(?P<skiplines{}>(?:(?:.*\\n)*?))", skips_++), {}, begin);
    }
    if (const std::string_view name = option_tag(rest()); !name.empty()) {
      if (dialect_.unknown_tags == UnknownTags::kText) {
        tree_.unknown_tags.push_back(fmt::format("<{}>", name));
        return character(CharClass::single(read_character(text_, at_)));
      }
      return error(begin, fmt::format("the filter has no option '{}' for <{}>; write [<] where "
                                      "'<' itself is meant",
                                      name, name));
    }
    if (const std::string_view name = opening_tag_name(rest()); !name.empty()) {
      at_ += name.size() + 4;
      open_.push_back(name);
      auto node = capture(begin, group_of_tag(name));
      open_.pop_back();
      return node;
    }
    return character(CharClass::single(read_character(text_, at_)));
  }

  // The tree of a tag's own expression; its groups become groups of this one.
  util::Result<RegexNode> expand(std::string_view expansion, std::string_view run,
                                 std::size_t begin) {
    const std::string_view outer_text = std::exchange(text_, expansion);
    const std::size_t outer_at = std::exchange(at_, 0);
    util::Result<RegexNode> inner = alternatives();
    text_ = outer_text;
    at_ = outer_at;
    if (!inner) {
      // Only that it captures what has been captured before; the column is the tag's.
      const std::string& message = inner.error().message();
      return error(begin, message.substr(message.find(": ") + 2));
    }
    if (run.empty()) {
      return inner;
    }
    RegexNode node;
    node.kind = NodeKind::kTag;
    node.run = run;
    node.kids.push_back(std::move(inner).value());
    return node;
  }

  static constexpr std::size_t kMostGroups = 63;

  std::string_view text_;
  const RegexDialect& dialect_;
  RegexTree& tree_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  Flags flags_;
  std::vector<std::string_view> open_;
  int skips_ = 0;
};

}  // namespace

util::Result<RegexTree> parse_regex(std::string_view text, const RegexDialect& dialect) {
  RegexTree tree;
  WARDER_RETURN_IF_ERROR(Parser(text, dialect, tree).run());
  return tree;
}

}  // namespace warder::filter
