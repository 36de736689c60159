#include "filter/json_program.h"

#include "filter/json_guards.h"
#include "filter/json_tests.h"

#include <algorithm>
#include <utility>

namespace warder::filter {

struct JsonProgram::State {
  explicit State(JsonFields& fields) : tests(fields) {}

  bool holds(const CompiledExpression& expression);

  JsonTests tests;
  std::vector<CompiledExpression> conditions;
  std::vector<CompiledExpression> exceptions;
  JsonGuards guards;
  ConditionSet everything;
  ConditionSet alive;
};

JsonProgram::JsonProgram(JsonFields& fields) : state_(std::make_unique<State>(fields)) {}

JsonProgram::~JsonProgram() = default;

std::size_t JsonProgram::add_condition(const Expression& expression) {
  state_->conditions.push_back(state_->tests.compile(expression));
  return state_->conditions.size() - 1;
}

std::size_t JsonProgram::add_exception(const Expression& expression) {
  state_->exceptions.push_back(state_->tests.compile(expression));
  return state_->exceptions.size() - 1;
}

util::Status JsonProgram::finish() {
  const std::size_t count = state_->conditions.size();
  state_->everything.assign((count + 63) / 64, 0);
  for (std::size_t i = 0; i < count; ++i) {
    add_to(state_->everything, i);
  }
  WARDER_RETURN_IF_ERROR(state_->tests.finish());
  state_->guards.build(state_->conditions, state_->tests);
  return {};
}

void JsonProgram::start_line(JsonReader& reader) { state_->tests.start_line(reader); }

const ConditionSet& JsonProgram::candidates() {
  state_->alive = state_->everything;
  state_->guards.rule_out(state_->alive, state_->tests);
  return state_->alive;
}

bool JsonProgram::condition_holds(std::size_t condition) {
  return state_->holds(state_->conditions[condition]);
}

bool JsonProgram::exception_holds(std::size_t exception) {
  return state_->holds(state_->exceptions[exception]);
}

bool JsonProgram::out_of_memory() const { return state_->tests.out_of_memory(); }

bool JsonProgram::State::holds(const CompiledExpression& expression) {
  return evaluate(expression, [this](std::size_t test) { return tests.answer(test); });
}

}  // namespace warder::filter
