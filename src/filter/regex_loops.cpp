#include "filter/regex_loops.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace warder::filter {
namespace {

// Nodes of all that is written for one expression, what is thrown away included.
constexpr std::size_t kMostNodes = 20'000;

// A way to match a node, in characters or in none.
enum class Takes : std::uint8_t { kCharacters, kNothing };
struct Way {
  Takes takes;
  RegexNode node;
};
using Ways = std::vector<Way>;  // in order of preference

RegexNode repeat(RegexNode body, int least, int most, bool lazy) {
  if (least == 1 && most == 1) {
    return body;
  }
  RegexNode node;
  node.kind = NodeKind::kRepeat;
  node.least = least;
  node.most = most;
  node.lazy = lazy;
  node.at = body.at;
  node.kids.push_back(std::move(body));
  return node;
}

template <typename... Nodes>
RegexNode concat(Nodes... nodes) {
  std::vector<RegexNode> kids;
  (kids.push_back(std::move(nodes)), ...);
  return make_concat(std::move(kids));
}

RegexNode alternate(std::vector<RegexNode> kids) {
  return kids.empty() ? RegexNode{} : make_alternate(std::move(kids));
}

RegexNode nothing() {
  RegexNode node;
  node.kind = NodeKind::kClass;  // of no character
  return node;
}

bool captures(const RegexNode& node) {
  return node.kind == NodeKind::kCapture ||
         std::any_of(node.kids.begin(), node.kids.end(), captures);
}

RegexNode without_captures(const RegexNode& node) {
  if (node.kind == NodeKind::kCapture) {
    return without_captures(node.kids[0]);
  }
  return node.kind == NodeKind::kAssert ? node : with_kids(node, without_captures);
}

// Of a node that takes nothing: whatever stands around it?
bool always_holds(const RegexNode& node) {
  switch (node.kind) {
    case NodeKind::kEmpty:
      return true;
    case NodeKind::kConcat:
      return std::all_of(node.kids.begin(), node.kids.end(), always_holds);
    case NodeKind::kAlternate:
      return std::any_of(node.kids.begin(), node.kids.end(), always_holds);
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return always_holds(node.kids[0]);
    case NodeKind::kRepeat:
      return node.least == 0 || always_holds(node.kids[0]);
    default:
      return false;
  }
}

// Of a node that takes nothing: holds where that does not.
RegexNode opposite(const RegexNode& node) {
  std::vector<RegexNode> kids;
  switch (node.kind) {
    case NodeKind::kAssert: {
      RegexNode result = node;
      if (!node.kids.empty() || node.assertion == AssertKind::kWordBoundary) {
        result.negative = !node.negative;
        return result;
      }
      RegexNode look = without_kids(node);
      look.assertion = AssertKind::kAhead;
      look.negative = true;
      look.kids.push_back(std::move(result));
      return look;
    }
    case NodeKind::kConcat:
    case NodeKind::kAlternate:
      std::transform(node.kids.begin(), node.kids.end(), std::back_inserter(kids), opposite);
      return node.kind == NodeKind::kConcat ? alternate(std::move(kids))
                                            : make_concat(std::move(kids));
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return opposite(node.kids[0]);
    case NodeKind::kRepeat:
      return node.least == 0 ? nothing() : opposite(node.kids[0]);
    default:
      return nothing();
  }
}

class Rewriter {
 public:
  explicit Rewriter(const RegexNode& root) : root_(root) {}

  util::Result<RegexNode> run(const RegexNode& node) {
    if (node.kind == NodeKind::kAssert) {
      return node;
    }
    RegexNode result = without_kids(node);
    for (const RegexNode& kid : node.kids) {
      WARDER_ASSIGN_OR_RETURN(RegexNode inner, run(kid));
      result.kids.push_back(std::move(inner));
    }
    if (result.kind == NodeKind::kRepeat && result.most != 1 && result.least != result.most &&
        !takes_always(result.kids[0])) {
      return rewritten(result);
    }
    return result;
  }

 private:
  // A character at least, in every match?
  bool takes_always(const RegexNode& node) const {
    const auto takes = [this](const RegexNode& kid) { return takes_always(kid); };
    switch (node.kind) {
      case NodeKind::kClass:
        return true;
      case NodeKind::kConcat:
        return std::any_of(node.kids.begin(), node.kids.end(), takes);
      case NodeKind::kAlternate:
      case NodeKind::kCapture:
      case NodeKind::kTag:
        return std::all_of(node.kids.begin(), node.kids.end(), takes);
      case NodeKind::kRepeat:
        return node.least > 0 && takes_always(node.kids[0]);
      case NodeKind::kBackReference:
        return least_of_group(root_, node.group) > 0;
      default:
        return false;
    }
  }

  // The least that a group captures, wherever it stands.
  static std::size_t least_of_group(const RegexNode& node, std::size_t group) {
    if (node.kind == NodeKind::kCapture && node.group == group) {
      return least_length(node.kids[0]);
    }
    std::size_t least = SIZE_MAX;
    for (const RegexNode& kid : node.kids) {
      least = std::min(least, least_of_group(kid, group));
    }
    return least;
  }

  util::Status count(std::size_t nodes, const RegexNode& node) {
    nodes_ += nodes;
    return nodes_ <= kMostNodes
               ? util::Status()
               : regex_error(node.at,
                             "too much comes of this repetition, in which a round may take no "
                             "character; write it so that each round takes one, as (?:a|b)* for "
                             "(?:a?b?)*");
  }

  // ---- ways of a node

  util::Result<Ways> ways_of(const RegexNode& node) {
    Ways ways;
    const bool takes = takes_always(node);
    if (takes || most_length(node) == 0) {
      WARDER_RETURN_IF_ERROR(count(count_nodes(node), node));
      ways.push_back({takes ? Takes::kCharacters : Takes::kNothing, node});
      return ways;
    }
    switch (node.kind) {
      case NodeKind::kAlternate:
        for (const RegexNode& kid : node.kids) {
          WARDER_ASSIGN_OR_RETURN(Ways more, ways_of(kid));
          std::move(more.begin(), more.end(), std::back_inserter(ways));
        }
        return ways;
      case NodeKind::kConcat:
        return ways_of_all(node.kids, 0);
      case NodeKind::kCapture:
      case NodeKind::kTag: {
        WARDER_ASSIGN_OR_RETURN(ways, ways_of(node.kids[0]));
        for (Way& way : ways) {
          RegexNode outer = without_kids(node);
          outer.kids.push_back(std::move(way.node));
          way.node = std::move(outer);
        }
        return ways;
      }
      case NodeKind::kRepeat:
        return ways_of_repeat(node);
      default:
        return regex_error(node.at,
                           "a back-reference that may be of nothing, in a repetition of which a "
                           "round may take no character; let the group or the round take one");
    }
  }

  // Of the nodes from `from` on, one after the other.
  util::Result<Ways> ways_of_all(const std::vector<RegexNode>& nodes, std::size_t from) {
    Ways ways;
    if (from == nodes.size()) {
      ways.push_back({Takes::kNothing, {}});
      return ways;
    }
    WARDER_ASSIGN_OR_RETURN(Ways firsts, ways_of(nodes[from]));
    for (Way& first : firsts) {
      if (first.takes == Takes::kCharacters) {
        std::vector<RegexNode> kids{std::move(first.node)};
        kids.insert(kids.end(), nodes.begin() + static_cast<std::ptrdiff_t>(from) + 1, nodes.end());
        ways.push_back({Takes::kCharacters, make_concat(std::move(kids))});
        WARDER_RETURN_IF_ERROR(count(count_nodes(ways.back().node), nodes[from]));
        continue;
      }
      WARDER_ASSIGN_OR_RETURN(Ways rest, ways_of_all(nodes, from + 1));
      for (Way& way : rest) {
        ways.push_back({way.takes, concat(first.node, std::move(way.node))});
        WARDER_RETURN_IF_ERROR(count(count_nodes(first.node) + 1, nodes[from]));
      }
    }
    return ways;
  }

  // Of one that can be of nothing. Its rounds take characters, or it is one round, or a number of
  // them that is given.
  util::Result<Ways> ways_of_repeat(const RegexNode& node) {
    if (node.most > 1 && node.least == node.most) {
      return ways_of_all(std::vector<RegexNode>(static_cast<std::size_t>(node.most), node.kids[0]),
                         0);
    }
    Ways ways;
    if (takes_always(node.kids[0])) {
      RegexNode some = node;
      some.least = 1;
      ways.push_back({Takes::kCharacters, node.most == 1 ? node.kids[0] : some});
      WARDER_RETURN_IF_ERROR(count(count_nodes(node), node));
    } else {
      WARDER_ASSIGN_OR_RETURN(ways, ways_of(node.kids[0]));
    }
    if (node.least == 0) {
      ways.insert(node.lazy ? ways.begin() : ways.end(), Way{Takes::kNothing, {}});
    }
    return ways;
  }

  // Neighbours of one kind as one; what comes behind a way that takes nothing and always holds is
  // asked for what takes characters only: the others have been at the same place.
  static Ways joined(Ways ways) {
    std::vector<std::pair<Takes, std::vector<RegexNode>>> runs;
    bool left = false;
    for (Way& way : ways) {
      if (left && way.takes == Takes::kNothing) {
        continue;
      }
      left = left || (way.takes == Takes::kNothing && always_holds(way.node));
      if (runs.empty() || runs.back().first != way.takes) {
        runs.push_back({way.takes, {}});
      }
      runs.back().second.push_back(std::move(way.node));
    }
    Ways result;
    for (auto& [takes, nodes] : runs) {
      result.push_back({takes, alternate(std::move(nodes))});
    }
    // At the end, nothing comes of one that captures nothing.
    if (result.size() > 1 && result.back().takes == Takes::kNothing &&
        !captures(result.back().node)) {
      result.pop_back();
    }
    return result;
  }

  // ---- repetitions

  util::Result<RegexNode> rewritten(const RegexNode& node) {
    WARDER_ASSIGN_OR_RETURN(Ways ways, ways_of(node.kids[0]));
    const bool may_fail = std::none_of(ways.begin(), ways.end(), [](const Way& way) {
      return way.takes == Takes::kNothing && always_holds(way.node);
    });
    ways = joined(std::move(ways));
    const int more = node.most == kNoLimit ? kNoLimit : node.most - node.least;
    if (ways.size() == 1 && ways[0].takes == Takes::kCharacters && !node.lazy && !may_fail) {
      // Rounds without a character make no difference, those that must be neither.
      return repeat(std::move(ways[0].node), 0, node.most, false);
    }
    RegexNode rounds = more == kNoLimit || node.lazy ? RegexNode{} : bounded(ways, more);
    if (node.lazy) {
      std::vector<RegexNode> taking;
      for (Way& way : ways) {
        if (way.takes == Takes::kCharacters) {
          taking.push_back(std::move(way.node));
        }
      }
      if (!taking.empty()) {
        rounds = repeat(alternate(std::move(taking)), 0, more, true);
      }
    } else if (more == kNoLimit) {
      rounds = unbounded(ways);
    }
    RegexNode result = node.least == 0 ? std::move(rounds)
                                       : concat(repeat(node.kids[0], node.least, node.least, false),
                                                std::move(rounds));
    WARDER_RETURN_IF_ERROR(count(count_nodes(result), node));
    return result;
  }

  static RegexNode unbounded(const Ways& ways) {
    // Before a way that takes nothing, and behind one that holds.
    std::vector<RegexNode> before;
    std::vector<RegexNode> behind;
    std::vector<RegexNode> leaving;
    for (const Way& way : ways) {
      if (way.takes == Takes::kNothing) {
        leaving.push_back(way.node);
        continue;
      }
      if (leaving.empty()) {
        before.push_back(way.node);
        continue;
      }
      const RegexNode leave = without_captures(alternate(leaving));
      if (always_holds(leave)) {
        behind.push_back(way.node);
        continue;
      }
      before.push_back(concat(opposite(leave), way.node));
      behind.push_back(concat(leave, way.node));
    }
    const RegexNode first =
        before.empty() ? RegexNode{} : repeat(alternate(std::move(before)), 0, kNoLimit, false);
    const RegexNode second =
        behind.empty() ? RegexNode{}
                       : repeat(concat(alternate(std::move(behind)), first), 0, kNoLimit, true);
    return concat(first, second, left_by(std::move(leaving)));
  }

  // What the way out captures.
  static RegexNode left_by(std::vector<RegexNode> leaving) {
    RegexNode leave = alternate(std::move(leaving));
    if (!captures(leave)) {
      return {};
    }
    return always_holds(leave) ? leave : repeat(std::move(leave), 0, 1, false);
  }

  RegexNode bounded(const Ways& ways, int most) {
    if (ways.size() == 1 && ways[0].takes == Takes::kCharacters) {
      return repeat(ways[0].node, 0, most, false);
    }
    RegexNode rounds;
    std::size_t size = 0;
    for (; most > 0 && nodes_ + size <= kMostNodes; --most) {
      std::vector<RegexNode> kids;
      bool leaves = false;
      for (const Way& way : ways) {
        leaves = leaves || (way.takes == Takes::kNothing && always_holds(way.node));
        kids.push_back(way.takes == Takes::kNothing ? way.node : concat(way.node, rounds));
      }
      if (!leaves) {
        kids.emplace_back();
      }
      rounds = alternate(std::move(kids));
      size = count_nodes(rounds);
    }
    return rounds;
  }

  const RegexNode& root_;
  std::size_t nodes_ = 0;
};

}  // namespace

util::Status fill_rounds(RegexTree& tree) {
  WARDER_ASSIGN_OR_RETURN(RegexNode root, Rewriter(tree.root).run(tree.root));
  tree.root = std::move(root);
  return {};
}

}  // namespace warder::filter
