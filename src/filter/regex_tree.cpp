#include "filter/regex_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warder::filter {

bool operator==(const RegexNode& a, const RegexNode& b) {
  // Where it stands makes no difference.
  return a.kind == b.kind && a.assertion == b.assertion && a.negative == b.negative &&
         a.lazy == b.lazy && a.fold == b.fold && a.least == b.least && a.most == b.most &&
         a.group == b.group && a.chars == b.chars && a.run == b.run && a.kids == b.kids;
}

RegexNode without_kids(const RegexNode& node) {
  RegexNode result;
  result.kind = node.kind;
  result.assertion = node.assertion;
  result.negative = node.negative;
  result.lazy = node.lazy;
  result.fold = node.fold;
  result.least = node.least;
  result.most = node.most;
  result.group = node.group;
  result.at = node.at;
  result.chars = node.chars;
  result.run = node.run;
  return result;
}

std::size_t count_nodes(const RegexNode& node) {
  std::size_t count = 1;
  for (const RegexNode& kid : node.kids) {
    count += count_nodes(kid);
  }
  return count;
}

RegexWeight weigh(const RegexNode& node) {
  // Sums and products stay far from the end of their type.
  constexpr std::size_t kMuch = std::size_t{1} << 30;
  RegexWeight weight;
  if (node.kind == NodeKind::kBackReference) {
    return {kMuch, kMuch, 1};  // stands for whatever its group is
  }
  // Brackets, choices, the line break that "$" allows.
  weight.instructions = node.kind == NodeKind::kClass ? node.chars.ranges() * 2 : 6;
  weight.groups = node.kind == NodeKind::kCapture || node.kind == NodeKind::kAssert ? 1 : 0;
  for (const RegexNode& kid : node.kids) {
    const RegexWeight inner = weigh(kid);
    weight.instructions += inner.instructions + 2;
    weight.rounds = std::max(weight.rounds, inner.rounds);
    weight.groups += inner.groups;
  }
  if (node.kind == NodeKind::kRepeat) {
    const int most = node.most == kNoLimit ? node.least + 1 : std::max(node.most, 1);
    weight.instructions *= static_cast<std::size_t>(most);
    weight.rounds *= static_cast<std::size_t>(most);
  }
  weight.instructions = std::min(weight.instructions, kMuch);
  weight.rounds = std::min(weight.rounds, kMuch);
  return weight;
}

bool RegexTree::has_group(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::size_t least_length(const RegexNode& node) {
  std::size_t least = 0;
  switch (node.kind) {
    case NodeKind::kClass:
      return 1;
    case NodeKind::kConcat:
      for (const RegexNode& kid : node.kids) {
        least += least_length(kid);
      }
      return least;
    case NodeKind::kAlternate:
    case NodeKind::kConditional:
      least = least_length(node.kids[0]);
      for (const RegexNode& kid : node.kids) {
        least = std::min(least, least_length(kid));
      }
      return least;
    case NodeKind::kRepeat:
      return static_cast<std::size_t>(node.least) * least_length(node.kids[0]);
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return least_length(node.kids[0]);
    case NodeKind::kEmpty:
    case NodeKind::kAssert:
    case NodeKind::kBackReference:
      return 0;
  }
  return 0;
}

int most_length(const RegexNode& node) {
  int most = 0;
  switch (node.kind) {
    case NodeKind::kClass:
      return 1;
    case NodeKind::kConcat:
      for (const RegexNode& kid : node.kids) {
        const int kid_most = most_length(kid);
        if (kid_most == kNoLimit) {
          return kNoLimit;
        }
        most += kid_most;
      }
      return most;
    case NodeKind::kAlternate:
    case NodeKind::kConditional:
      for (const RegexNode& kid : node.kids) {
        const int kid_most = most_length(kid);
        if (kid_most == kNoLimit) {
          return kNoLimit;
        }
        most = std::max(most, kid_most);
      }
      return most;
    case NodeKind::kRepeat: {
      const int kid_most = most_length(node.kids[0]);
      return kid_most == 0                                   ? 0
             : node.most == kNoLimit || kid_most == kNoLimit ? kNoLimit
                                                             : node.most * kid_most;
    }
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return most_length(node.kids[0]);
    case NodeKind::kBackReference:
      return kNoLimit;
    case NodeKind::kEmpty:
    case NodeKind::kAssert:
      return 0;
  }
  return 0;
}

util::Error regex_error(std::size_t at, std::string_view what) {
  return {util::ErrorCode::kInvalid, fmt::format("column {}: {}", at + 1, what)};
}

RegexNode make_concat(std::vector<RegexNode> kids) {
  RegexNode node;
  for (RegexNode& kid : kids) {
    if (kid.kind == NodeKind::kConcat) {
      node.kids.insert(node.kids.end(), std::make_move_iterator(kid.kids.begin()),
                       std::make_move_iterator(kid.kids.end()));
    } else if (kid.kind != NodeKind::kEmpty) {
      node.kids.push_back(std::move(kid));
    }
  }
  if (node.kids.size() == 1) {
    RegexNode only = std::move(node.kids[0]);
    return only;
  }
  node.kind = node.kids.empty() ? NodeKind::kEmpty : NodeKind::kConcat;
  return node;
}

RegexNode make_alternate(std::vector<RegexNode> kids) {
  if (kids.size() == 1) {
    return std::move(kids[0]);
  }
  RegexNode node;
  node.kind = NodeKind::kAlternate;
  node.kids = std::move(kids);
  return node;
}

}  // namespace warder::filter
