#pragma once

#include "filter/json_condition.h"
#include "filter/json_fields.h"
#include "filter/json_reader.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// An Expression whose tests are numbers in a JsonTests.
struct CompiledExpression {
  Expression::Kind kind = Expression::Kind::kTest;
  std::size_t test = 0;
  std::vector<CompiledExpression> children;
};

// The value of an expression when `answer(test)` tells that of each test.
template <typename Answer>
bool evaluate(const CompiledExpression& expression, const Answer& answer) {
  switch (expression.kind) {
    case Expression::Kind::kTest:
      return answer(expression.test);
    case Expression::Kind::kNot:
      return !evaluate(expression.children[0], answer);
    case Expression::Kind::kAll:
      for (const CompiledExpression& child : expression.children) {
        if (!evaluate(child, answer)) {
          return false;
        }
      }
      return true;
    case Expression::Kind::kAny:
      break;
  }
  for (const CompiledExpression& child : expression.children) {
    if (evaluate(child, answer)) {
      return true;
    }
  }
  return false;
}

// A field in one view. Tests of the same one share its text and its sieve.
using LookId = std::size_t;

// All different tests of a log and their answers for the current line, each found out at most once.
// One thread.
class JsonTests {
 public:
  explicit JsonTests(JsonFields& fields);
  ~JsonTests();

  CompiledExpression compile(const Expression& expression);
  // After the last compile(): compiles the regular expressions of each look into one sieve.
  // kInvalid when those of one look are together too large.
  util::Status finish();

  void start_line(JsonReader& reader);
  bool answer(std::size_t test);
  // The regular expressions of the look that match its text, as test numbers.
  const std::vector<std::size_t>& matching(LookId look);
  std::optional<double> number(JsonFields::Slot slot);
  std::optional<std::string_view> text(LookId look);
  bool out_of_memory() const;

  const Test& test(std::size_t number) const;
  LookId look_of(std::size_t test) const;
  JsonFields::Slot slot_of(LookId look) const;
  std::size_t looks() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::filter
