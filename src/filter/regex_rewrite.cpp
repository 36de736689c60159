#include "filter/regex_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace warder::filter {
namespace {

// Of a group that a back-reference asks for; with more it is captured and compared.
constexpr std::size_t kMostTexts = 8;
// Nodes of a tree after all branches are written out.
constexpr std::size_t kMostNodes = 20000;

struct Unset {};
struct Set {};
// What is known of the group that is asked for: nothing yet (not passed), that it took part, or
// even as what.
using State = std::variant<Unset, Set, std::string>;

struct Branch {
  RegexNode node;
  State state;
};

bool has_capture(const RegexNode& node, std::size_t group) {
  return (node.kind == NodeKind::kCapture && node.group == group) ||
         std::any_of(node.kids.begin(), node.kids.end(),
                     [group](const RegexNode& kid) { return has_capture(kid, group); });
}

void collect(const RegexNode& node, NodeKind kind, std::set<std::size_t>& groups) {
  if (node.kind == kind) {
    groups.insert(node.group);
  }
  for (const RegexNode& kid : node.kids) {
    collect(kid, kind, groups);
  }
}

const RegexNode* find_capture_node(const RegexNode& node, std::size_t group) {
  if (node.kind == NodeKind::kCapture && node.group == group) {
    return &node;
  }
  for (const RegexNode& kid : node.kids) {
    if (const RegexNode* found = find_capture_node(kid, group)) {
      return found;
    }
  }
  return nullptr;
}

// All texts that the node can be, in order of preference; empty when there are too many, or when
// it asks for more than characters.
std::optional<std::vector<std::string>> texts_of(const RegexNode& node) {
  using Texts = std::vector<std::string>;
  const auto add = [](Texts& texts, const std::string& text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
      texts.push_back(text);
    }
  };
  Texts texts;
  switch (node.kind) {
    case NodeKind::kEmpty:
      return Texts{""};
    case NodeKind::kClass: {
      if (node.chars.beyond_ascii()) {
        return std::nullopt;
      }
      for (unsigned char c = 0; c < 128 && texts.size() <= kMostTexts; ++c) {
        if (node.chars.matches_ascii(c)) {
          texts.emplace_back(1, static_cast<char>(c));
        }
      }
      break;
    }
    case NodeKind::kConcat:
      texts.emplace_back();
      for (const RegexNode& kid : node.kids) {
        const auto tails = texts_of(kid);
        if (!tails) {
          return std::nullopt;
        }
        Texts longer;
        for (const std::string& head : texts) {
          for (const std::string& tail : *tails) {
            add(longer, head + tail);
          }
        }
        texts = std::move(longer);
      }
      break;
    case NodeKind::kAlternate:
      for (const RegexNode& kid : node.kids) {
        const auto more = texts_of(kid);
        if (!more) {
          return std::nullopt;
        }
        for (const std::string& text : *more) {
          add(texts, text);
        }
      }
      break;
    case NodeKind::kRepeat: {
      if (node.least != 0 || node.most != 1) {
        return std::nullopt;
      }
      const auto once = texts_of(node.kids[0]);
      if (!once) {
        return std::nullopt;
      }
      if (node.lazy) {
        texts.emplace_back();
      }
      for (const std::string& text : *once) {
        add(texts, text);
      }
      add(texts, "");
      break;
    }
    default:
      return std::nullopt;
  }
  return texts.size() > kMostTexts ? std::nullopt : std::optional(std::move(texts));
}

// Matches nothing.
RegexNode nothing() {
  RegexNode node;
  node.kind = NodeKind::kClass;
  return node;
}

RegexNode literal(std::string_view text, bool fold) {
  std::vector<RegexNode> kids;
  for (const char c : text) {
    RegexNode node;
    node.kind = NodeKind::kClass;
    node.chars = CharClass::single(static_cast<unsigned char>(c));
    if (fold) {
      node.chars.fold_case();
    }
    kids.push_back(std::move(node));
  }
  return make_concat(std::move(kids));
}

// Draws the choices about one group out.
class Splitter {
 public:
  Splitter(std::size_t group, std::optional<std::vector<std::string>> texts)
      : group_(group), texts_(std::move(texts)) {}

  util::Result<RegexNode> run(const RegexNode& root) {
    WARDER_ASSIGN_OR_RETURN(std::vector<Branch> branches, split(root, Unset{}));
    std::vector<RegexNode> kids;
    for (Branch& branch : branches) {
      kids.push_back(std::move(branch.node));
    }
    return make_alternate(std::move(kids));
  }

 private:
  // The node without questions about the group, which stands in `state`.
  RegexNode resolved(const RegexNode& node, const State& state) const {
    if (node.kind == NodeKind::kConditional && node.group == group_) {
      return resolved(node.kids[std::holds_alternative<Unset>(state) ? 1 : 0], state);
    }
    if (node.kind == NodeKind::kBackReference && node.group == group_) {
      if (std::holds_alternative<Unset>(state)) {
        return nothing();
      }
      if (const auto* text = std::get_if<std::string>(&state)) {
        return literal(*text, node.fold);
      }
      return node;
    }
    RegexNode copy = node;
    for (RegexNode& kid : copy.kids) {
      kid = resolved(kid, state);
    }
    return copy;
  }

  util::Result<std::vector<Branch>> split(const RegexNode& node, const State& state) {
    std::vector<Branch> branches;
    if (!has_capture(node, group_)) {
      branches.push_back({resolved(node, state), state});
      return branches;
    }
    switch (node.kind) {
      case NodeKind::kCapture:
        if (node.group == group_) {
          return split_group(node);
        }
        [[fallthrough]];
      case NodeKind::kTag: {
        WARDER_ASSIGN_OR_RETURN(branches, split(node.kids[0], state));
        for (Branch& branch : branches) {
          RegexNode outer = node;
          outer.kids[0] = std::move(branch.node);
          branch.node = std::move(outer);
        }
        return branches;
      }
      case NodeKind::kAlternate:
        for (const RegexNode& kid : node.kids) {
          WARDER_ASSIGN_OR_RETURN(std::vector<Branch> more, split(kid, state));
          append(branches, std::move(more));
        }
        return branches;
      case NodeKind::kRepeat:
        if (node.least == 0 && node.most == 1) {
          WARDER_ASSIGN_OR_RETURN(branches, split(node.kids[0], state));
          std::vector<Branch> none;
          none.push_back({RegexNode{}, state});
          if (node.lazy) {
            std::swap(branches, none);
          }
          append(branches, std::move(none));
          return branches;
        }
        return regex_error(node.at,
                           "a group in a repetition cannot be asked for with (?(...)) or (?P=...), "
                           "because each round may change it; write the rounds out");
      case NodeKind::kConcat:
        return split_concat(node, 0, state);
      default:
        return regex_error(node.at,
                           "the group that is asked for stands where it cannot be known; "
                           "capture it outside of (?(...)), (?=...) and the like");
    }
  }

  util::Result<std::vector<Branch>> split_group(const RegexNode& node) const {
    std::vector<Branch> branches;
    if (!texts_) {
      branches.push_back({node, Set{}});
      return branches;
    }
    for (const std::string& text : *texts_) {
      RegexNode capture = node;
      capture.kids[0] = literal(text, false);
      branches.push_back({std::move(capture), text});
    }
    return branches;
  }

  // The kids from `from` on, one after the other.
  util::Result<std::vector<Branch>> split_concat(const RegexNode& node, std::size_t from,
                                                 const State& state) {
    std::vector<RegexNode> before;
    std::size_t at = from;
    while (at < node.kids.size() && !has_capture(node.kids[at], group_)) {
      before.push_back(resolved(node.kids[at], state));
      ++at;
    }
    std::vector<Branch> result;
    if (at == node.kids.size()) {
      result.push_back({make_concat(std::move(before)), state});
      return result;
    }
    WARDER_ASSIGN_OR_RETURN(std::vector<Branch> branches, split(node.kids[at], state));
    for (Branch& branch : branches) {
      WARDER_ASSIGN_OR_RETURN(std::vector<Branch> tails, split_concat(node, at + 1, branch.state));
      for (Branch& tail : tails) {
        std::vector<RegexNode> kids = before;
        kids.push_back(branch.node);
        kids.push_back(std::move(tail.node));
        size_ += count_nodes(kids.back()) + count_nodes(branch.node);
        if (size_ > kMostNodes) {
          return regex_error(node.kids[at].at,
                             "too many branches come of (?(...)) or (?P=...); write several "
                             "expressions");
        }
        result.push_back({make_concat(std::move(kids)), std::move(tail.state)});
      }
    }
    return result;
  }

  // Neighbours that know the same become one, so that what follows is written once.
  static void append(std::vector<Branch>& branches, std::vector<Branch> more) {
    for (Branch& branch : more) {
      if (!branches.empty() && same(branches.back().state, branch.state)) {
        std::vector<RegexNode> kids;
        if (branches.back().node.kind == NodeKind::kAlternate) {
          kids = std::move(branches.back().node.kids);
        } else {
          kids.push_back(std::move(branches.back().node));
        }
        kids.push_back(std::move(branch.node));
        branches.back().node = make_alternate(std::move(kids));
      } else {
        branches.push_back(std::move(branch));
      }
    }
  }

  static bool same(const State& a, const State& b) {
    const auto* text = std::get_if<std::string>(&a);
    const auto* other = std::get_if<std::string>(&b);
    return a.index() == b.index() && (text == nullptr || *text == *other);
  }

  std::size_t group_;
  std::optional<std::vector<std::string>> texts_;
  std::size_t size_ = 0;
};

}  // namespace

util::Status resolve_references(RegexTree& tree) {
  std::set<std::size_t> conditions;
  std::set<std::size_t> references;
  collect(tree.root, NodeKind::kConditional, conditions);
  collect(tree.root, NodeKind::kBackReference, references);
  std::set<std::size_t> groups = conditions;
  groups.insert(references.begin(), references.end());
  for (const std::size_t group : groups) {
    std::optional<std::vector<std::string>> texts;
    if (references.contains(group)) {
      texts = texts_of(find_capture_node(tree.root, group)->kids[0]);
      if (!texts && !conditions.contains(group)) {
        continue;  // captured and compared
      }
    }
    WARDER_ASSIGN_OR_RETURN(tree.root, Splitter(group, std::move(texts)).run(tree.root));
  }
  return {};
}

}  // namespace warder::filter
