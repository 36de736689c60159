#include "filter/regex_sieve.h"

#include "filter/regex_form.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::filter {
namespace {

RegexNode anything() {
  RegexNode any;
  any.kind = NodeKind::kClass;
  any.chars = CharClass::any();
  RegexNode repeat;
  repeat.kind = NodeKind::kRepeat;
  repeat.most = kNoLimit;
  repeat.kids.push_back(std::move(any));
  return repeat;
}

RegexNode without_assertions(const RegexNode& node) {
  if (node.kind == NodeKind::kAssert) {
    return {};
  }
  RegexNode result = with_kids(node, without_assertions);
  return result.kind == NodeKind::kConcat ? make_concat(std::move(result.kids)) : result;
}

bool ends_with_anchor(const RegexNode& node) {
  switch (node.kind) {
    case NodeKind::kAssert:
      return node.assertion == AssertKind::kTextEnd || node.assertion == AssertKind::kVeryEnd;
    case NodeKind::kConcat:
      return ends_with_anchor(node.kids.back());
    case NodeKind::kAlternate:
      return std::all_of(node.kids.begin(), node.kids.end(), ends_with_anchor);
    case NodeKind::kCapture:
      return ends_with_anchor(node.kids[0]);
    default:
      return false;
  }
}

RegexNode without_end(const RegexNode& node) {
  if (node.kind == NodeKind::kAssert) {
    return {};
  }
  RegexNode result = node;
  if (node.kind == NodeKind::kConcat || node.kind == NodeKind::kCapture) {
    result.kids.back() = without_end(result.kids.back());
  }
  if (node.kind == NodeKind::kConcat) {
    return make_concat(std::move(result.kids));
  }
  return result;
}

// The way from the root to the one group `group` that takes part in every match: offsets of kids.
bool find_always(const RegexNode& node, std::size_t group, std::vector<std::size_t>& way) {
  if (node.kind == NodeKind::kCapture && node.group == group) {
    return true;
  }
  if (node.kind != NodeKind::kConcat && node.kind != NodeKind::kCapture) {
    return false;
  }
  for (std::size_t kid = 0; kid < node.kids.size(); ++kid) {
    way.push_back(kid);
    if (find_always(node.kids[kid], group, way)) {
      return true;
    }
    way.pop_back();
  }
  return false;
}

// An anchored sieve begins with "^" as text, so that it can be told from the others.
std::string print(const RegexNode& root) {
  std::string text = print_coarse(root);
  return begins_with_anchor(root) && !text.starts_with('^') ? "^" + text : text;
}

// ---- the newest line of a window

bool asks(const RegexNode& node) {
  return node.kind == NodeKind::kAssert || std::any_of(node.kids.begin(), node.kids.end(), asks);
}

bool takes_break(const RegexNode& node) {
  return node.kind == NodeKind::kClass
             ? node.chars.matches_ascii('\n')
             : std::any_of(node.kids.begin(), node.kids.end(), takes_break);
}

// Does it look further than to the end of its line, or back?
bool sees_far(const RegexNode& node) {
  if (node.kind != NodeKind::kAssert) {
    return std::any_of(node.kids.begin(), node.kids.end(), sees_far);
  }
  switch (node.assertion) {
    case AssertKind::kLineBegin:
    case AssertKind::kLineEnd:
    case AssertKind::kWordBoundary:
      return false;
    case AssertKind::kAhead:
      return takes_break(node.kids[0]) || asks(node.kids[0]);
    default:
      return true;
  }
}

// ---- matches that take a character, of a node that need not

bool takes_always(const RegexNode& node) { return least_length(node) > 0; }

std::optional<RegexNode> taking(const RegexNode& node) {
  if (takes_always(node)) {
    return node;
  }
  std::vector<RegexNode> choices;
  switch (node.kind) {
    case NodeKind::kAlternate:
    case NodeKind::kConditional:
      for (const RegexNode& kid : node.kids) {
        if (std::optional<RegexNode> some = taking(kid)) {
          choices.push_back(std::move(*some));
        }
      }
      break;
    case NodeKind::kConcat:
      for (std::size_t at = 0; at < node.kids.size(); ++at) {
        if (std::optional<RegexNode> some = taking(node.kids[at])) {
          std::vector<RegexNode> kids = node.kids;
          kids[at] = std::move(*some);
          choices.push_back(make_concat(std::move(kids)));
        }
      }
      break;
    case NodeKind::kRepeat:
      if (std::optional<RegexNode> some = taking(node.kids[0]); some && node.most != 0) {
        RegexNode rounds = without_kids(node);
        rounds.least = 1;
        rounds.kids.push_back(std::move(*some));
        return rounds;
      }
      break;
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return taking(node.kids[0]);
    default:
      break;
  }
  return choices.empty() ? std::nullopt : std::optional(make_alternate(std::move(choices)));
}

// Can it take nothing and ask what is ahead, or for a word's border?
bool asks_alone(const RegexNode& node) {
  switch (node.kind) {
    case NodeKind::kAssert:
      return !node.kids.empty() || node.assertion == AssertKind::kWordBoundary;
    case NodeKind::kConcat:
      return std::none_of(node.kids.begin(), node.kids.end(), takes_always) &&
             std::any_of(node.kids.begin(), node.kids.end(), asks_alone);
    default:
      return std::any_of(node.kids.begin(), node.kids.end(), asks_alone);
  }
}

// What can follow a line break that the node takes, within the node.
std::optional<RegexNode> behind_break(const RegexNode& node) {
  std::vector<RegexNode> choices;
  switch (node.kind) {
    case NodeKind::kClass:
      return takes_break(node) ? std::optional<RegexNode>(RegexNode{}) : std::nullopt;
    case NodeKind::kConcat:
      for (std::size_t at = 0; at < node.kids.size(); ++at) {
        if (std::optional<RegexNode> rest = behind_break(node.kids[at])) {
          std::vector<RegexNode> kids{std::move(*rest)};
          kids.insert(kids.end(), node.kids.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                      node.kids.end());
          choices.push_back(make_concat(std::move(kids)));
        }
      }
      break;
    case NodeKind::kAlternate:
    case NodeKind::kConditional:
      for (const RegexNode& kid : node.kids) {
        if (std::optional<RegexNode> rest = behind_break(kid)) {
          choices.push_back(std::move(*rest));
        }
      }
      break;
    case NodeKind::kRepeat:
      if (std::optional<RegexNode> rest = behind_break(node.kids[0])) {
        RegexNode more = node;
        more.least = 0;
        return make_concat({std::move(*rest), std::move(more)});
      }
      break;
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return behind_break(node.kids[0]);
    default:
      break;
  }
  return choices.empty() ? std::nullopt : std::optional(make_alternate(std::move(choices)));
}

// The begin of a line is that of the text where the text is one line.
RegexNode at_text_begin(RegexNode node) {
  if (node.kind == NodeKind::kAssert && node.assertion == AssertKind::kLineBegin) {
    node.assertion = AssertKind::kTextBegin;
  } else if (node.kind == NodeKind::kConcat || node.kind == NodeKind::kCapture) {
    node.kids.front() = at_text_begin(std::move(node.kids.front()));
  }
  return node;
}

}  // namespace

std::string print_sieve(const RegexTree& tree) { return print(tree.root); }

std::string print_sieve(const RegexTree& prefix, const RegexTree& tree) {
  const auto content = static_cast<std::size_t>(
      std::find(prefix.names.begin(), prefix.names.end(), "content") - prefix.names.begin());
  std::vector<std::size_t> way;
  if (content == prefix.names.size() || !find_always(prefix.root, content, way)) {
    // With the content only sometimes, the whole message is searched at others.
    return content == prefix.names.size() ? print_sieve(tree) : print_sieve(prefix);
  }
  RegexNode root = without_references(prefix.root, prefix.root);
  RegexNode* place = &root;
  bool last = true;  // nothing but "$" follows
  for (const std::size_t kid : way) {
    if (place->kind == NodeKind::kConcat) {
      const std::size_t behind = place->kids.size() - kid - 1;
      last = last && (behind == 0 || (behind == 1 && ends_with_anchor(place->kids.back()) &&
                                      place->kids.back().kind == NodeKind::kAssert));
    }
    place = &place->kids[kid];
  }
  const bool may_be_empty = least_length(place->kids[0]) == 0;
  const bool ends = ends_with_anchor(tree.root);
  std::vector<RegexNode> body;
  if (!begins_with_anchor(tree.root)) {
    body.push_back(anything());
  }
  body.push_back(without_assertions(without_references(tree.root, tree.root)));
  if (!ends && (!last || may_be_empty)) {
    body.push_back(anything());
  }
  std::vector<RegexNode> choices;
  choices.push_back(make_concat(std::move(body)));
  if (may_be_empty) {
    // Then the whole message is searched.
    choices.emplace_back();
  }
  place->kids[0] = make_alternate(std::move(choices));
  if (!ends && last && !may_be_empty) {
    // What follows need not be read when it can be anything.
    root = without_end(root);
  }
  return print(root);
}

bool begins_with_anchor(const RegexNode& node) {
  switch (node.kind) {
    case NodeKind::kAssert:
      return node.assertion == AssertKind::kTextBegin;
    case NodeKind::kConcat:
      return begins_with_anchor(node.kids.front());
    case NodeKind::kAlternate:
      return std::all_of(node.kids.begin(), node.kids.end(), begins_with_anchor);
    case NodeKind::kCapture:
      return begins_with_anchor(node.kids[0]);
    case NodeKind::kRepeat:
      return node.least > 0 && begins_with_anchor(node.kids[0]);
    default:
      return false;
  }
}

std::optional<std::vector<std::string>> print_newest_line_sieves(const RegexTree& tree) {
  const RegexNode root = without_references(tree.root, tree.root);
  if (!takes_always(root) || sees_far(root)) {
    return std::nullopt;
  }
  std::vector<std::string> sieves{print(at_text_begin(root))};
  if (std::optional<RegexNode> rest = behind_break(root)) {
    if (asks_alone(*rest)) {
      return std::nullopt;
    }
    if (std::optional<RegexNode> some = taking(*rest)) {
      // In brackets: the "^" stands for all choices.
      sieves.push_back("^(?:" + print_coarse(*some) + ")");
    }
  }
  return sieves;
}

}  // namespace warder::filter
