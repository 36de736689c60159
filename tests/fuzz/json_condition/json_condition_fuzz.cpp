// Conditions may come from a vault: any bytes give a tree within the bounds or a problem that lies
// in the text, and a path that parses prints as one that parses to the same.
#include "filter/json_condition.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string_view>

using namespace warder::filter;
using warder::testing::require;

namespace {

std::size_t check(const Expression& expression, std::size_t depth) {
  require(depth <= 3 * kDeepestCondition + 3);
  if (expression.kind == Expression::Kind::kTest) {
    const Test& test = expression.test;
    require(expression.children.empty());
    require(!test.field.steps.empty() && test.field.steps.size() <= kDeepestPath);
    for (const NumberRange& range : test.numbers) {
      require(range.low <= range.high);
    }
    ConditionProblem problem;
    const auto again = parse_json_path(test.field.to_string(), problem);
    require(again && *again == test.field);
    return 1;
  }
  require(expression.kind == Expression::Kind::kNot ? expression.children.size() == 1
                                                    : expression.children.size() >= 2);
  std::size_t tests = 0;
  for (const Expression& child : expression.children) {
    tests += check(child, depth + 1);
  }
  return tests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ConditionProblem problem;
  if (const auto expression = parse_condition(text, problem)) {
    require(check(*expression, 0) <= kMostTests);
  } else {
    require(problem.offset <= size && !problem.text.empty());
  }
  return 0;
}
