#include "filter/regex_loops.h"

#include <algorithm>

namespace warder::filter {
namespace {

bool may_be_empty(const RegexNode& node) { return least_length(node) == 0; }
bool takes_nothing(const RegexNode& node) { return most_length(node) == 0; }

// Of a node that can be empty: does a choice of it that takes nothing come before one that does?
bool prefers_empty(const RegexNode& node) {
  if (node.kind == NodeKind::kAssert) {
    return false;
  }
  if (node.kind == NodeKind::kAlternate || node.kind == NodeKind::kConditional) {
    const auto empty = std::find_if(node.kids.begin(), node.kids.end(), takes_nothing);
    if (empty != node.kids.end() && !std::all_of(empty + 1, node.kids.end(), takes_nothing)) {
      return true;
    }
  }
  return std::any_of(node.kids.begin(), node.kids.end(),
                     [](const RegexNode& kid) { return may_be_empty(kid) && prefers_empty(kid); });
}

}  // namespace

util::Status check_loops(const RegexNode& node) {
  if (node.kind == NodeKind::kRepeat && node.most != 1 && node.least != node.most &&
      may_be_empty(node.kids[0]) && prefers_empty(node.kids[0])) {
    return regex_error(node.at,
                       "in this repetition an alternative without a character stands before one "
                       "with some: Python leaves the repetition there, and an automaton does not; "
                       "write it last, or let each round take a character");
  }
  for (const RegexNode& kid : node.kids) {
    WARDER_RETURN_IF_ERROR(check_loops(kid));
  }
  return {};
}

}  // namespace warder::filter
