#include "filter/json_guards.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::filter {
namespace {

void keep_only(ConditionSet& set, const ConditionSet& kept) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    set[i] &= kept[i];
  }
}

bool is_empty(const ConditionSet& set) {
  return std::all_of(set.begin(), set.end(), [](std::uint64_t word) { return word == 0; });
}

bool have_common(const ConditionSet& a, const ConditionSet& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] & b[i]) != 0) {
      return true;
    }
  }
  return false;
}

void remove_from(ConditionSet& set, std::size_t condition) {
  set[condition / 64] &= ~(std::uint64_t{1} << (condition % 64));
}

template <typename Visit>
void for_each_test(const CompiledExpression& expression, const Visit& visit) {
  if (expression.kind == Expression::Kind::kTest) {
    visit(expression.test);
  }
  for (const CompiledExpression& child : expression.children) {
    for_each_test(child, visit);
  }
}

// The look that all tests of the expression share, if `fits` holds for each.
template <typename Fits>
std::optional<LookId> only_look(const CompiledExpression& expression, const JsonTests& tests,
                                const Fits& fits) {
  std::optional<LookId> look;
  bool one = true;
  for_each_test(expression, [&](std::size_t test) {
    one = one && fits(tests.test(test)) && (!look || *look == tests.look_of(test));
    look = tests.look_of(test);
  });
  return one ? look : std::nullopt;
}

bool asks_numbers(const Test& test) {
  return test.kind == TestKind::kOneOf && test.view == FieldView::kValue && test.texts.empty() &&
         !test.accepts_true && !test.accepts_false && !test.accepts_null;
}

bool asks_texts(const Test& test) {
  return test.kind == TestKind::kOneOf && test.view != FieldView::kElement &&
         test.numbers.empty() && !test.accepts_true && !test.accepts_false && !test.accepts_null;
}

bool asks_regex(const Test& test) { return test.kind == TestKind::kMatches; }

// One match is enough: a test, or an `or` of tests.
bool is_one_of_tests(const CompiledExpression& expression) {
  return expression.kind == Expression::Kind::kTest ||
         (expression.kind == Expression::Kind::kAny &&
          std::all_of(expression.children.begin(), expression.children.end(), is_one_of_tests));
}

bool holds_for_number(const CompiledExpression& expression, const JsonTests& tests,
                      std::optional<double> number) {
  return evaluate(expression, [&](std::size_t test) {
    const auto& ranges = tests.test(test).numbers;
    return number && std::any_of(ranges.begin(), ranges.end(), [&](const NumberRange& range) {
             return range.low <= *number && *number <= range.high;
           });
  });
}

bool holds_for_text(const CompiledExpression& expression, const JsonTests& tests,
                    const std::string* text) {
  return evaluate(expression, [&](std::size_t test) {
    const auto& texts = tests.test(test).texts;
    return text != nullptr && std::find(texts.begin(), texts.end(), *text) != texts.end();
  });
}

}  // namespace

// An operand of a condition's outermost `and`.
struct JsonGuards::Operand {
  std::size_t condition;
  const CompiledExpression* expression;
};

void JsonGuards::build(const std::vector<CompiledExpression>& conditions, const JsonTests& tests) {
  everything_.assign((conditions.size() + 63) / 64, 0);
  std::vector<Operand> operands;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    add_to(everything_, i);
    if (conditions[i].kind != Expression::Kind::kAll) {
      operands.push_back({i, &conditions[i]});
      continue;
    }
    for (const CompiledExpression& child : conditions[i].children) {
      operands.push_back({i, &child});
    }
  }
  build_numbers(operands, tests);
  build_texts(operands, tests);
  build_regexes(operands, tests);
}

void JsonGuards::build_numbers(const std::vector<Operand>& operands, const JsonTests& tests) {
  std::map<LookId, std::vector<Operand>> by_look;
  for (const Operand& operand : operands) {
    if (const auto look = only_look(*operand.expression, tests, asks_numbers)) {
      by_look[*look].push_back(operand);
    }
  }
  for (const auto& [look, guarded] : by_look) {
    NumberGuard guard;
    guard.slot = tests.slot_of(look);
    guard.look = look;
    for (const Operand& operand : guarded) {
      for_each_test(*operand.expression, [&](std::size_t test) {
        for (const NumberRange& range : tests.test(test).numbers) {
          guard.edges.push_back(range.low);
          guard.edges.push_back(range.high);
        }
      });
    }
    std::sort(guard.edges.begin(), guard.edges.end());
    guard.edges.erase(std::unique(guard.edges.begin(), guard.edges.end()), guard.edges.end());
    guard.cells.assign(2 * guard.edges.size() + 1, everything_);
    guard.no_number = everything_;
    const auto mark = [&](ConditionSet& cell, std::optional<double> number) {
      for (const Operand& operand : guarded) {
        if (!holds_for_number(*operand.expression, tests, number)) {
          remove_from(cell, operand.condition);
        }
      }
    };
    mark(guard.no_number, std::nullopt);
    for (std::size_t i = 0; i < guard.edges.size(); ++i) {
      mark(guard.cells[2 * i + 1], guard.edges[i]);
      // Every edge is the end of a closed range, so all numbers between two edges are alike. Where
      // there is none between them the cell is never looked up.
      if (i > 0) {
        mark(guard.cells[2 * i], guard.edges[i - 1] / 2 + guard.edges[i] / 2);
      }
    }
    // Beyond the outermost edges no range reaches: as where there is no number.
    guard.cells.front() = guard.no_number;
    guard.cells.back() = guard.no_number;
    numbers_.push_back(std::move(guard));
  }
}

void JsonGuards::build_texts(const std::vector<Operand>& operands, const JsonTests& tests) {
  std::map<LookId, std::vector<Operand>> by_look;
  for (const Operand& operand : operands) {
    if (const auto look = only_look(*operand.expression, tests, asks_texts)) {
      by_look[*look].push_back(operand);
    }
  }
  for (const auto& [look, guarded] : by_look) {
    TextGuard guard;
    guard.look = look;
    guard.concerned.assign(everything_.size(), 0);
    guard.unnamed = everything_;
    for (const Operand& operand : guarded) {
      add_to(guard.concerned, operand.condition);
      for_each_test(*operand.expression, [&](std::size_t test) {
        for (const std::string& text : tests.test(test).texts) {
          guard.named.try_emplace(text, everything_);
        }
      });
    }
    const auto mark = [&](ConditionSet& cell, const std::string* text) {
      for (const Operand& operand : guarded) {
        if (!holds_for_text(*operand.expression, tests, text)) {
          remove_from(cell, operand.condition);
        }
      }
    };
    mark(guard.unnamed, nullptr);
    for (auto& [text, cell] : guard.named) {
      mark(cell, &text);
    }
    texts_.push_back(std::move(guard));
  }
}

void JsonGuards::build_regexes(const std::vector<Operand>& operands, const JsonTests& tests) {
  std::map<LookId, RegexGuard> by_look;
  for (const Operand& operand : operands) {
    const auto look = only_look(*operand.expression, tests, asks_regex);
    if (!look || !is_one_of_tests(*operand.expression)) {
      continue;
    }
    RegexGuard& guard = by_look[*look];
    guard.look = *look;
    guard.concerned.resize(everything_.size());
    if (is_in(guard.concerned, operand.condition)) {
      continue;  // guarded by another operand on the same field; this one is left to evaluation
    }
    add_to(guard.concerned, operand.condition);
    for_each_test(*operand.expression, [&](std::size_t test) {
      ConditionSet& satisfied = guard.satisfied[test];
      satisfied.resize(everything_.size());
      add_to(satisfied, operand.condition);
    });
  }
  for (auto& [look, guard] : by_look) {
    regexes_.push_back(std::move(guard));
  }
}

void JsonGuards::rule_out(ConditionSet& alive, JsonTests& tests) const {
  for (const NumberGuard& guard : numbers_) {
    const auto number = tests.number(guard.slot);
    if (!number) {
      keep_only(alive, guard.no_number);
    } else {
      const auto edge = std::lower_bound(guard.edges.begin(), guard.edges.end(), *number);
      const auto index = static_cast<std::size_t>(edge - guard.edges.begin());
      const bool on_edge = edge != guard.edges.end() && *edge == *number;
      keep_only(alive, guard.cells[2 * index + (on_edge ? 1 : 0)]);
    }
    if (is_empty(alive)) {
      return;
    }
  }
  for (const TextGuard& guard : texts_) {
    if (!have_common(alive, guard.concerned)) {
      continue;
    }
    const auto text = tests.text(guard.look);
    const auto named = text ? guard.named.find(*text) : guard.named.end();
    keep_only(alive, named == guard.named.end() ? guard.unnamed : named->second);
    if (is_empty(alive)) {
      return;
    }
  }
  for (const RegexGuard& guard : regexes_) {
    if (!have_common(alive, guard.concerned)) {
      continue;
    }
    ConditionSet kept(alive.size());
    for (const std::size_t test : tests.matching(guard.look)) {
      if (const auto satisfied = guard.satisfied.find(test); satisfied != guard.satisfied.end()) {
        for (std::size_t i = 0; i < kept.size(); ++i) {
          kept[i] |= satisfied->second[i];
        }
      }
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
      alive[i] &= kept[i] | ~guard.concerned[i];
    }
    if (is_empty(alive)) {
      return;
    }
  }
}

}  // namespace warder::filter
