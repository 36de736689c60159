#pragma once

#include "filter/json_tests.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

using ConditionSet = std::vector<std::uint64_t>;

inline void add_to(ConditionSet& set, std::size_t condition) {
  set[condition / 64] |= std::uint64_t{1} << (condition % 64);
}

inline bool is_in(const ConditionSet& set, std::size_t condition) {
  return (set[condition / 64] >> (condition % 64) & 1) != 0;
}

// Rules out, by look-up, most conditions that do not hold for a line. A condition is guarded by
// those operands of its outermost `and` that depend on one field alone: for a number the answer is
// tabled for each range between the numbers named, for a text for each text named, and a regular
// expression needs its match. Whatever has no such operand is left to be evaluated.
class JsonGuards {
 public:
  void build(const std::vector<CompiledExpression>& conditions, const JsonTests& tests);
  // Takes out of `alive` what cannot hold. Stops when nothing is left.
  void rule_out(ConditionSet& alive, JsonTests& tests) const;

 private:
  // cells[2 * i + 1] is for edges[i], cells[2 * i] for what lies below it and above the one before.
  struct NumberGuard {
    JsonFields::Slot slot = JsonFields::kNoSlot;
    LookId look = 0;
    std::vector<double> edges;
    std::vector<ConditionSet> cells;
    ConditionSet no_number;
  };
  struct TextGuard {
    LookId look = 0;
    ConditionSet concerned;  // the conditions it guards
    std::map<std::string, ConditionSet, std::less<>> named;
    ConditionSet unnamed;  // another text, or none
  };
  struct RegexGuard {
    LookId look = 0;
    ConditionSet concerned;
    std::map<std::size_t, ConditionSet> satisfied;  // by test: the conditions content with it
  };
  struct Operand;

  void build_numbers(const std::vector<Operand>& operands, const JsonTests& tests);
  void build_texts(const std::vector<Operand>& operands, const JsonTests& tests);
  void build_regexes(const std::vector<Operand>& operands, const JsonTests& tests);

  ConditionSet everything_;
  std::vector<NumberGuard> numbers_;
  std::vector<TextGuard> texts_;
  std::vector<RegexGuard> regexes_;
};

}  // namespace warder::filter
