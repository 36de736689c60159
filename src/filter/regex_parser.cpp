// Python's `re` syntax (https://docs.python.org/3.11/library/re.html) with the tags of fail2ban.
#include "filter/char_class_syntax.h"
#include "filter/regex_edit.h"
#include "filter/regex_syntax.h"
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
constexpr int kMostEdits = 20;

class Parser {
 public:
  Parser(std::string_view text, const RegexDialect& dialect, RegexTree& tree)
      : text_(text), dialect_(dialect), tree_(tree) {
    flags_.lines = dialect.lines;
  }

  util::Status run() {
    if (text_.size() > kMostText) {
      return refuse(0, "the expression is longer than 32 KiB; divide it into several");
    }
    tree_.names.emplace_back();
    captures_.emplace_back();
    // Flags for the whole expression stand at its begin.
    while (is_flags_group()) {
      WARDER_RETURN_IF_ERROR(take_flags());
      skip_insignificant();
    }
    WARDER_ASSIGN_OR_RETURN(tree_.root, alternatives());
    if (!done()) {
      return error(at_, "')' closes no group; write \\) for the character");
    }
    return {};
  }

  // After an error: does only this program refuse the expression, and what would it take?
  bool refused() const { return refused_; }
  const RegexEdits& edits() const { return edits_; }

 private:
  // Wrong in itself: Python refuses it as well.
  static util::Error error(std::size_t at, std::string_view what) { return regex_error(at, what); }
  // What only this program refuses; `edits` make of it what it would take.
  util::Error refuse(std::size_t at, std::string_view what, RegexEdits edits = {}) {
    refused_ = true;
    edits_ = std::move(edits);
    return regex_error(at, what);
  }

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

  // Comments, and white space where (?x) stands.
  void skip_insignificant() {
    for (std::size_t before = text_.size(); before != at_ && !done();) {
      before = at_;
      if (flags_.verbose) {
        skip_verbose(text_, at_);
      }
      if (is("(?#") && text_.find(')', at_) != std::string_view::npos) {
        at_ = text_.find(')', at_) + 1;
      }
    }
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
      return refuse(at_, "groups are nested deeper than 100; write several expressions");
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
    skip_insignificant();
    while (!done() && text_[at_] != '|' && closing_length() == 0) {
      const std::size_t begin = at_;
      WARDER_ASSIGN_OR_RETURN(RegexNode kid, element());
      kid.at = begin;
      skip_insignificant();
      WARDER_RETURN_IF_ERROR(quantifiers(kid));
      kids.push_back(std::move(kid));
      skip_insignificant();
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
    const std::size_t begin = at_;
    const std::optional<Quantifier> quantifier = read_quantifier(text_, at_);
    if (!quantifier) {
      return {};
    }
    const auto [least, most] = *quantifier;
    const bool lazy = take("?");
    if (!lazy && is("+")) {
      return refuse(begin,
                    fmt::format("'{}' (possessive quantifier) is not supported, because it cannot "
                                "be matched in linear time; leave the second '+' out, which "
                                "matches at least the same lines",
                                text_.substr(begin, at_ + 1 - begin)),
                    {{at_, 1, ""}});
    }
    if (least > kMostRepetitions || most > kMostRepetitions) {
      const int kept = std::min(least, kMostRepetitions);
      const std::size_t length = at_ - begin - (lazy ? 1 : 0);
      return refuse(begin,
                    fmt::format("more than {} repetitions; write '{{{},}}', which matches at least "
                                "the same lines",
                                kMostRepetitions, kept),
                    {{begin, length, fmt::format("{{{},}}", kept)}});
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
    skip_insignificant();
    const std::size_t again = at_;
    if (read_quantifier(text_, at_)) {
      return error(again, "a repetition of a repetition; put the first into (?:...)");
    }
    return {};
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
    // Three octal digits are a character.
    const auto octal = [&](std::size_t at) {
      return at < text_.size() && text_[at] >= '0' && text_[at] <= '7';
    };
    if (c >= '1' && c <= '9' && !(octal(at_ + 1) && octal(at_ + 2) && octal(at_ + 3))) {
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
      return refuse(begin, "it has more than 63 groups; write (?:...) for those nobody asks for");
    }
    RegexNode node;
    node.kind = NodeKind::kCapture;
    node.group = tree_.names.size();
    tree_.names.push_back(std::move(name));
    captures_.emplace_back();
    const std::size_t opened = at_;
    const RegexFlags outer = flags_;
    WARDER_ASSIGN_OR_RETURN(RegexNode inner, closed(begin, alternatives()));
    if (!expanding_) {
      const std::size_t closing = text_[begin] == '(' ? 1 : opened - begin + 1;
      captures_[node.group] = {{begin, opened - begin, "(?:"}, {at_ - closing, closing, ")"}};
    }
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
      return error(begin, "the comment is not closed");  // else it was passed over
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
      return refuse(begin,
                    "'(?>' (atomic group) is not supported, because it cannot be matched in linear "
                    "time; write (?: instead, which matches at least the same lines",
                    {{begin, 3, "(?:"}});
    }
    const std::size_t colon = text_.find_first_of(":)", at_);
    if (are_flags(text_, at_ + 1, colon) && text_[colon] == ':') {
      const RegexFlags outer = flags_;
      WARDER_RETURN_IF_ERROR(read_flags(text_, at_ + 1, colon, flags_));
      at_ = colon + 1;
      auto inner = closed(begin, alternatives());
      flags_ = outer;
      return inner;
    }
    if (are_flags(text_, at_ + 1, colon)) {
      const std::string flags(text_.substr(begin, colon - begin));
      return refuse(begin,
                    fmt::format("flags inside of an expression; write '{}:...)' around what they "
                                "are for, or put them at the begin",
                                flags),
                    {{0, 0, flags + ')'}, {begin, flags.size() + 1, ""}});
    }
    return error(begin, "'(?' begins no group that is known");
  }

  util::Result<RegexNode> closed_scope(std::size_t begin) {
    const RegexFlags outer = flags_;
    auto inner = closed(begin, alternatives());
    flags_ = outer;
    return inner;
  }

  bool is_flags_group() const {
    return is("(?") && are_flags(text_, at_ + 2, text_.find(')', at_));
  }

  util::Status take_flags() {
    const std::size_t end = text_.find(')', at_);
    WARDER_RETURN_IF_ERROR(read_flags(text_, at_ + 2, end, flags_));
    at_ = end + 1;
    return {};
  }

  util::Result<RegexNode> flagged_group(std::size_t begin) {
    const RegexFlags outer = flags_;
    WARDER_RETURN_IF_ERROR(take_flags());
    auto inner = closed(begin, alternatives());
    flags_ = outer;
    return inner;
  }

  util::Result<RegexNode> look(std::size_t begin, AssertKind kind, bool negative) {
    const std::size_t groups = tree_.names.size();
    WARDER_ASSIGN_OR_RETURN(RegexNode inner, closed_scope(begin));
    RegexEdits unnamed;
    bool named = false;
    for (std::size_t group = groups; group < tree_.names.size(); ++group) {
      if (!tree_.names[group].empty()) {
        named = true;
        unnamed.insert(unnamed.end(), captures_[group].begin(), captures_[group].end());
      }
    }
    if (named) {
      return refuse(begin,
                    "a named group inside of what is only looked at is not supported; capture it "
                    "where it is matched, or write (?: for it",
                    std::move(unnamed));
    }
    RegexNode node = assertion(kind, negative);
    node.kids.push_back(std::move(inner));
    return node;
  }

  util::Result<RegexNode> conditional(std::size_t begin) {
    WARDER_ASSIGN_OR_RETURN(const std::string name, read_name(')', begin));
    const auto found = find_group(name, begin);
    if (!found) {
      // By its number Python takes one that comes later.
      return name.find_first_not_of("0123456789") == std::string::npos
                 ? refuse(begin, fmt::format("there is no group {} before it", name))
                 : found.error();
    }
    const std::size_t number = *found;
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
    if (end == std::string_view::npos || !is_group_name(name)) {
      constexpr std::string_view kWhat = "the name of a group has letters, digits and '_' only";
      // Python's letters are those of Unicode.
      return std::any_of(name.begin(), name.end(), [](char c) { return c < 0; })
                 ? refuse(begin, kWhat)
                 : error(begin, kWhat);
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

  util::Result<RegexNode> tag() {
    const std::size_t begin = at_;
    for (const RegexTag& known : tags_of(dialect_.host)) {
      if (take(known.name)) {
        return expand(known.expansion, known.run, begin);
      }
    }
    if (is("<SKIPLINES>")) {
      if (!dialect_.lines) {
        return refuse(begin,
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
      return refuse(begin, fmt::format("the filter has no option '{}' for <{}>; write [<] where "
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
    expanding_ = true;
    util::Result<RegexNode> inner = alternatives();
    expanding_ = false;
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
  RegexFlags flags_;
  std::vector<std::string_view> open_;
  int skips_ = 0;
  bool expanding_ = false;  // a tag, whose text stands nowhere
  // By group, what takes its name away; nothing for those of tags.
  std::vector<RegexEdits> captures_;
  bool refused_ = false;
  RegexEdits edits_;
};

// What to write instead, if that is certain: the expression as the edits make it, and what is then
// refused in turn.
std::string proposed(std::string_view text, const RegexDialect& dialect, RegexEdits edits) {
  std::string changed(text);
  for (int round = 0; round < kMostEdits && !edits.empty(); ++round) {
    changed = edited(changed, edits);
    RegexTree tree;
    Parser parser(changed, dialect, tree);
    if (parser.run()) {
      return changed;
    }
    edits = parser.edits();
  }
  return {};
}

}  // namespace

util::Result<RegexTree> parse_regex(std::string_view text, const RegexDialect& dialect) {
  RegexTree tree;
  Parser parser(text, dialect, tree);
  if (const util::Status read = parser.run(); !read) {
    const std::string instead = proposed(text, dialect, parser.edits());
    return instead.empty() ? read.error()
                           : util::Error(read.error().code(),
                                         fmt::format("{}: {}", read.error().message(), instead));
  }
  return tree;
}

bool is_wrong_regex(std::string_view text, const RegexDialect& dialect) {
  RegexTree tree;
  Parser parser(text, dialect, tree);
  // A character by its name is Python's alone.
  return !parser.run() && !parser.refused() && text.find("\\N{") == std::string_view::npos;
}

}  // namespace warder::filter
