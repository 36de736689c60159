#pragma once

#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::jail {

// An arithmetic expression of bantime.formula or bantime.factor: what fail2ban evaluates as Python,
// re-specified as a small closed language (fail2ban-compat 16.3).
//
//   numbers         1, 2.5, 1e3          names    ban.Time  ban.Count  banFactor
//   a if c else b   < <= > >= == !=      <<       + -       * / // %   unary + -   **
//   math.exp(x) math.log(x[, base]) math.pow(x, y) math.sqrt(x)  min(...) max(...) float(x) int(x)
//
// Precedence, associativity and results are Python's, except that whole numbers are exact only up
// to 2^53 and a comparison cannot be chained or used as a number. Everything else is refused with
// its place. Only the chosen branch of a condition is evaluated. Immutable; evaluation takes a time
// bounded by the length of the text.
class Formula {
 public:
  static constexpr std::size_t kLongestText = 1000;
  static constexpr int kDeepestNesting = 50;

  enum class Names : std::uint8_t {
    kBan,   // ban.Time, ban.Count, banFactor
    kNone,  // constants only (bantime.factor)
  };
  // kInvalid: "at character 7: ...".
  static util::Result<Formula> parse(std::string_view text, Names names);

  struct Variables {
    double time = 0;    // seconds
    double count = 0;   // whole
    double factor = 1;  // banFactor
    bool factor_is_whole = false;
  };
  struct Value {
    double number = 0;
    bool whole = false;  // int in Python, otherwise float
  };
  // kInvalid: division by zero, logarithm of nothing, << of a fraction, a result that is no finite
  // number.
  util::Result<Value> evaluate(const Variables& variables) const;

 private:
  friend class FormulaParser;
  enum class Kind : std::uint8_t {
    kNumber,
    kTime,
    kCount,
    kFactor,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kFloorDivide,
    kModulo,
    kPower,
    kShiftLeft,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kCondition,  // operands: chosen when true, condition, otherwise
    kExp,
    kLog,
    kMathPower,
    kSquareRoot,
    kMin,
    kMax,
    kFloat,
    kInt,
  };
  // Operands stand before the node that uses them; indices into nodes_.
  struct Node {
    Kind kind = Kind::kNumber;
    std::uint16_t position = 0;  // in the text, for errors
    Value value;
    std::vector<std::uint16_t> operands;
  };
  util::Result<Value> evaluate_node(std::uint16_t index, const Variables& variables) const;
  static util::Result<Value> apply(const Node& node, const std::vector<Value>& operands);

  std::vector<Node> nodes_;
};

}  // namespace warder::jail
