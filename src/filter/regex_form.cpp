#include "filter/regex_form.h"

#include "filter/marked_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warder::filter {
namespace {

bool is_guard(const RegexNode& node, GuardScope scope) {
  return node.kind == NodeKind::kAssert &&
         (!node.kids.empty() ||
          (node.assertion == AssertKind::kWordBoundary && scope == GuardScope::kAndBorders));
}

bool has_guard(const RegexNode& node, GuardScope scope) {
  return is_guard(node, scope) ||
         std::any_of(node.kids.begin(), node.kids.end(),
                     [scope](const RegexNode& kid) { return has_guard(kid, scope); });
}

// Looks stand for themselves; what they look for is theirs.
void collect_guards(const RegexNode& node, GuardScope scope, std::vector<RegexNode>& guards) {
  if (is_guard(node, scope)) {
    if (std::find(guards.begin(), guards.end(), node) == guards.end()) {
      guards.push_back(node);
    }
    return;
  }
  for (const RegexNode& kid : node.kids) {
    collect_guards(kid, scope, guards);
  }
}

void collect_referenced(const RegexNode& node, std::vector<std::size_t>& groups) {
  if (node.kind == NodeKind::kBackReference &&
      std::find(groups.begin(), groups.end(), node.group) == groups.end()) {
    groups.push_back(node.group);
  }
  for (const RegexNode& kid : node.kids) {
    collect_referenced(kid, groups);
  }
}

// Anything that the node could match, as characters only.
RegexNode loosened(const RegexNode& node, bool fold) {
  if (node.kind == NodeKind::kAssert || node.kind == NodeKind::kBackReference) {
    return {};
  }
  RegexNode result = with_kids(node, [fold](const RegexNode& kid) { return loosened(kid, fold); });
  if (node.kind == NodeKind::kCapture || node.kind == NodeKind::kTag) {
    RegexNode inner = std::move(result.kids[0]);
    return inner;
  }
  if (fold && node.kind == NodeKind::kClass) {
    result.chars.fold_case();
  }
  return result;
}

// Whatever the group could capture, in any of the branches in which it stands.
void collect_bodies(const RegexNode& node, std::size_t group, bool fold,
                    std::vector<RegexNode>& bodies) {
  if (node.kind == NodeKind::kCapture && node.group == group) {
    RegexNode body = loosened(node.kids[0], fold);
    if (std::find(bodies.begin(), bodies.end(), body) == bodies.end()) {
      bodies.push_back(std::move(body));
    }
  }
  for (const RegexNode& kid : node.kids) {
    collect_bodies(kid, group, fold, bodies);
  }
}

RegexNode stand_in(const RegexNode& reference, const RegexNode& root) {
  std::vector<RegexNode> bodies;
  collect_bodies(root, reference.group, reference.fold, bodies);
  return make_alternate(std::move(bodies));
}

std::string quantifier(const RegexNode& node) {
  std::string out;
  if (node.least == 0 && node.most == kNoLimit) {
    out = "*";
  } else if (node.least == 1 && node.most == kNoLimit) {
    out = "+";
  } else if (node.least == 0 && node.most == 1) {
    out = "?";
  } else if (node.most == kNoLimit) {
    out = fmt::format("{{{},}}", node.least);
  } else {
    out = fmt::format("{{{},{}}}", node.least, node.most);
  }
  return node.lazy ? out + "?" : out;
}

// How often a marked form can ask at one place of the text: before the first character of a part,
// behind its last, in a part that takes none (where it may), and anywhere.
struct Asks {
  std::size_t before = 0;
  std::size_t behind = 0;
  std::size_t through = 0;
  std::size_t most = 0;
  bool may_be_empty = true;
};
constexpr Asks kOneAsk{.through = 1, .most = 1};

Asks followed_by(const Asks& a, const Asks& b) {
  Asks both;
  both.may_be_empty = a.may_be_empty && b.may_be_empty;
  both.through = a.through + b.through;
  both.before = std::max(a.before, a.may_be_empty ? a.through + b.before : 0);
  both.behind = std::max(b.behind, b.may_be_empty ? b.through + a.behind : 0);
  both.most =
      std::max({a.most, b.most, a.behind + b.before, both.through, both.before, both.behind});
  return both;
}

Asks either(const Asks& a, const Asks& b) {
  return {std::max(a.before, b.before), std::max(a.behind, b.behind),
          std::max(a.through, b.through), std::max(a.most, b.most),
          a.may_be_empty || b.may_be_empty};
}

// Rounds that take nothing ask at one place.
Asks repeated(const Asks& round, const RegexNode& node) {
  const int rounds = node.most == kNoLimit ? std::max(node.least, 1) + 1 : node.most;
  Asks all;
  for (std::size_t n = 0;
       n < std::min<std::size_t>(rounds > 0 ? static_cast<std::size_t>(rounds) : 0,
                                 MarkedText::kMostCopies);
       ++n) {
    all = followed_by(all, round);
  }
  all.may_be_empty = node.least == 0 || round.may_be_empty;
  return all;
}

class Printer {
 public:
  enum class Style : std::uint8_t { kPlain, kMarked, kSieve };

  Printer(const RegexNode& root, const std::vector<RegexNode>& guards, RegexText text, Style style,
          Steering steering = Steering::kNo)
      : root_(root), guards_(guards), text_(text), style_(style), steering_(steering) {
    collect_referenced(root, referenced_);
    form_.groups.emplace_back();
  }

  RegexForm run() {
    print(root_);
    if (style_ == Style::kMarked) {
      form_.asks = asks(root_).most;
    }
    return std::move(form_);
  }
  RegexForm run(const std::vector<std::string>& names) {
    names_ = &names;
    return run();
  }

 private:
  void out(std::string_view text) { form_.regex += text; }

  void open(FormGroup::Role role, std::size_t number) {
    form_.groups.push_back({role, number});
    out("(");
  }

  void print(const RegexNode& node) {
    switch (node.kind) {
      case NodeKind::kEmpty:
        out("(?:)");
        break;
      case NodeKind::kClass:
        if (style_ == Style::kMarked) {
          out("(?:");
          out(any_marks(text_));
        }
        out(node.chars.print(text_, style_ == Style::kMarked));
        if (style_ == Style::kMarked) {
          out(")");
        }
        break;
      case NodeKind::kConcat:
        for (const RegexNode& kid : node.kids) {
          const bool wrap = kid.kind == NodeKind::kAlternate;
          out(wrap ? "(?:" : "");
          print(kid);
          out(wrap ? ")" : "");
        }
        break;
      case NodeKind::kAlternate:
      case NodeKind::kConditional:  // of a sieve: one or the other
        out("(?:");
        for (std::size_t i = 0; i < node.kids.size(); ++i) {
          out(i == 0 ? "" : "|");
          print(node.kids[i]);
        }
        out(")");
        break;
      case NodeKind::kRepeat:
        print_repeat(node);
        break;
      case NodeKind::kCapture:
        print_capture(node);
        break;
      case NodeKind::kTag:
        if (style_ == Style::kSieve) {
          out(node.run);
        } else {
          print(node.kids[0]);
        }
        break;
      case NodeKind::kAssert:
        print_assertion(node);
        break;
      case NodeKind::kBackReference: {
        const bool capture = style_ != Style::kSieve;
        if (capture) {
          open(FormGroup::Role::kReference, node.group);
        } else {
          out("(?:");
        }
        reference_mark(node.group, ReferenceMark::kReferenceBegin);
        print(stand_in(node, root_));
        reference_mark(node.group, ReferenceMark::kReferenceEnd);
        out(")");
        break;
      }
    }
  }

  void print_capture(const RegexNode& node) {
    const bool referenced =
        std::find(referenced_.begin(), referenced_.end(), node.group) != referenced_.end();
    if (style_ == Style::kSieve || (!referenced && (*names_)[node.group].empty())) {
      // Nobody can ask for it.
      out("(?:");
      print(node.kids[0]);
      out(")");
      return;
    }
    if (!is_steered(node.group) || style_ != Style::kMarked) {
      open(FormGroup::Role::kGroup, node.group);
      print(node.kids[0]);
      out(")");
      return;
    }
    out("(?:");
    reference_mark(node.group, ReferenceMark::kFreeBegin);
    open(FormGroup::Role::kGroup, node.group);
    print(node.kids[0]);
    out(")|");
    reference_mark(node.group, ReferenceMark::kBoundBegin);
    open(FormGroup::Role::kGroup, node.group);
    print(node.kids[0]);
    out(")");
    reference_mark(node.group, ReferenceMark::kAllowedEnd);
    out(")");
  }

  void reference_mark(std::size_t group, ReferenceMark mark) {
    if (style_ != Style::kMarked || steering_ == Steering::kNo) {
      return;
    }
    const auto place = static_cast<std::size_t>(
        std::find(referenced_.begin(), referenced_.end(), group) - referenced_.begin());
    ask(guards_.size() + place * kReferenceMarks + static_cast<std::size_t>(mark));
  }

  void ask(std::size_t mark) { out(mark_that_holds(mark, text_)); }

  // What print() lets it ask for.
  Asks asks(const RegexNode& node) const {
    switch (node.kind) {
      case NodeKind::kClass:
        return {.may_be_empty = false};
      case NodeKind::kEmpty:
      case NodeKind::kConditional:  // drawn out before
        return {};
      case NodeKind::kConcat: {
        Asks all;
        for (const RegexNode& kid : node.kids) {
          all = followed_by(all, asks(kid));
        }
        return all;
      }
      case NodeKind::kAlternate: {
        Asks all = asks(node.kids[0]);
        for (const RegexNode& kid : node.kids) {
          all = either(all, asks(kid));
        }
        return all;
      }
      case NodeKind::kRepeat:
        return repeated(asks(node.kids[0]), node);
      case NodeKind::kTag:
        return asks(node.kids[0]);
      case NodeKind::kCapture:
        return is_steered(node.group)
                   ? followed_by(followed_by(kOneAsk, asks(node.kids[0])), kOneAsk)
                   : asks(node.kids[0]);
      case NodeKind::kAssert:
        return is_guard(node, scope()) ? kOneAsk : Asks();
      case NodeKind::kBackReference: {
        const RegexNode body = stand_in(node, root_);
        return steering_ == Steering::kNo ? asks(body)
                                          : followed_by(followed_by(kOneAsk, asks(body)), kOneAsk);
      }
    }
    return {};
  }

  bool is_steered(std::size_t group) const {
    return steering_ == Steering::kYes &&
           std::find(referenced_.begin(), referenced_.end(), group) != referenced_.end();
  }

  GuardScope scope() const {
    return style_ == Style::kMarked || text_ == RegexText::kUtf8 ? GuardScope::kAndBorders
                                                                 : GuardScope::kLooks;
  }

  void print_repeat(const RegexNode& node) {
    const bool is_outermost =
        style_ == Style::kPlain && rounds_depth_ == 0 && node.most != 1 && has_guard(node, scope());
    std::size_t group = 0;
    if (is_outermost) {
      open(FormGroup::Role::kRounds, 0);
      group = form_.groups.size() - 1;
      add_rounds(node.kids[0], group, 0, 0);
    }
    rounds_depth_ += is_outermost ? 1 : 0;
    out("(?:");
    print(node.kids[0]);
    out(")");
    out(quantifier(style_ == Style::kSieve ? loose_count(node) : node));
    rounds_depth_ -= is_outermost ? 1 : 0;
    if (is_outermost) {
      out(")");
    }
  }

  // High counts cost states and tell little.
  static RegexNode loose_count(const RegexNode& node) {
    constexpr int kMost = 4;
    RegexNode loose;
    loose.least = std::min(node.least, kMost);
    loose.most = node.most > kMost ? kNoLimit : node.most;
    return loose;
  }

  // The guards of a round, with the least that is matched before and behind them.
  void add_rounds(const RegexNode& node, std::size_t group, std::size_t head, std::size_t tail) {
    if (is_guard(node, scope())) {
      form_.rounds.push_back({group, number_of(node), head, tail});
      return;
    }
    if (node.kind != NodeKind::kConcat) {
      for (const RegexNode& kid : node.kids) {
        add_rounds(kid, group, head, tail);
      }
      return;
    }
    for (std::size_t at = 0; at < node.kids.size(); ++at) {
      std::size_t before = head;
      std::size_t behind = tail;
      for (std::size_t other = 0; other < node.kids.size(); ++other) {
        (other < at ? before : behind) += other == at ? 0 : least_length(node.kids[other]);
      }
      add_rounds(node.kids[at], group, before, behind);
    }
  }

  std::size_t number_of(const RegexNode& guard) const {
    return static_cast<std::size_t>(std::find(guards_.begin(), guards_.end(), guard) -
                                    guards_.begin());
  }

  void print_assertion(const RegexNode& node) {
    const bool marked = style_ == Style::kMarked;
    if (is_guard(node, scope())) {
      if (marked) {
        ask(number_of(node));
      } else if (style_ == Style::kPlain && rounds_depth_ == 0) {
        open(FormGroup::Role::kPlace, number_of(node));
        out(")");
      }
      return;
    }
    // The text ends with a line break that is not the line's own: "$" takes it, and nothing asks.
    switch (node.assertion) {
      case AssertKind::kTextBegin:
        out("^");
        break;
      case AssertKind::kTextEnd:
      case AssertKind::kVeryEnd:
        out(marked ? fmt::format("(?:{0}\\n?{0}\\z)", any_marks(text_)) : "(?:\\n?\\z)");
        break;
      case AssertKind::kLineBegin:
        out("(?m:^)");
        break;
      case AssertKind::kLineEnd:
        out(marked ? any_marks(text_) + "(?m:$)" : "(?m:$)");
        break;
      case AssertKind::kWordBoundary:
        // Between marks there are none for RE2; a sieve does not ask.
        if (style_ == Style::kPlain) {
          out(node.negative ? "\\B" : "\\b");
        }
        break;
      default:
        break;
    }
  }

  const RegexNode& root_;
  const std::vector<RegexNode>& guards_;
  const std::vector<std::string>* names_ = nullptr;
  RegexText text_;
  Style style_;
  Steering steering_;
  std::vector<std::size_t> referenced_;
  RegexForm form_;
  int rounds_depth_ = 0;
};

}  // namespace

std::vector<RegexNode> find_guards(const RegexNode& root, GuardScope scope) {
  std::vector<RegexNode> guards;
  collect_guards(root, scope, guards);
  return guards;
}

std::vector<std::size_t> find_referenced(const RegexNode& root) {
  std::vector<std::size_t> groups;
  collect_referenced(root, groups);
  return groups;
}

RegexForm print_plain(const RegexTree& tree, const std::vector<RegexNode>& guards, RegexText text) {
  return Printer(tree.root, guards, text, Printer::Style::kPlain).run(tree.names);
}

RegexForm print_marked(const RegexTree& tree, const std::vector<RegexNode>& guards, RegexText text,
                       Steering steering) {
  return Printer(tree.root, guards, text, Printer::Style::kMarked, steering).run(tree.names);
}

RegexNode without_references(const RegexNode& node, const RegexNode& root) {
  if (node.kind == NodeKind::kBackReference) {
    return stand_in(node, root);
  }
  return with_kids(node, [&root](const RegexNode& kid) { return without_references(kid, root); });
}

std::string print_coarse(const RegexNode& root) {
  const std::vector<RegexNode> none;
  return Printer(root, none, RegexText::kFolded, Printer::Style::kSieve).run().regex;
}

}  // namespace warder::filter
