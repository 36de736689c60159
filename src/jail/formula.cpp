#include "jail/formula.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace warder::jail {
namespace {

util::Error error_at(std::size_t position, std::string_view what) {
  return {util::ErrorCode::kInvalid, fmt::format("at character {}: {}", position + 1, what)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

// Recursive descent, one function a level of Python's precedence, loosest first.
class FormulaParser {
 public:
  FormulaParser(std::string_view text, Formula::Names names) : text_(text), names_(names) {}

  util::Result<Formula> parse() {
    if (text_.size() > Formula::kLongestText) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("an expression of {} characters; at most {} are read",
                                     text_.size(), Formula::kLongestText));
    }
    advance();
    WARDER_RETURN_IF_ERROR(condition());
    if (!token_.empty()) {
      return unexpected();
    }
    if (is_comparison(top())) {
      return error_at(0, "a comparison is no number; write A if THIS else B");
    }
    return std::move(formula_);
  }

 private:
  using Kind = Formula::Kind;
  using Index = std::uint16_t;

  // Blanks and line breaks separate; a token is a number, a name with dots, or an operator.
  void advance() {
    position_ += token_.size();
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
    token_ = text_.substr(position_, token_length(text_.substr(position_)));
  }

  static std::size_t token_length(std::string_view rest) {
    if (rest.empty()) {
      return 0;
    }
    if (is_digit(rest[0]) || (rest[0] == '.' && rest.size() > 1 && is_digit(rest[1]))) {
      return number_length(rest);
    }
    if (is_letter(rest[0])) {
      std::size_t size = 1;
      while (size < rest.size() &&
             (is_letter(rest[size]) || is_digit(rest[size]) || rest[size] == '.')) {
        ++size;
      }
      return size;
    }
    for (const std::string_view twin : {"<<", "<=", ">=", "==", "!=", "**", "//", ">>"}) {
      if (rest.substr(0, 2) == twin) {
        return 2;
      }
    }
    return 1;
  }

  static std::size_t number_length(std::string_view rest) {
    std::size_t size = 0;
    const auto digits = [&] {
      while (size < rest.size() && is_digit(rest[size])) {
        ++size;
      }
    };
    digits();
    if (size < rest.size() && rest[size] == '.') {
      ++size;
      digits();
    }
    if (size < rest.size() && (rest[size] == 'e' || rest[size] == 'E')) {
      const std::size_t sign =
          size + 1 < rest.size() && (rest[size + 1] == '+' || rest[size + 1] == '-') ? 1 : 0;
      if (size + 1 + sign < rest.size() && is_digit(rest[size + 1 + sign])) {
        size += 1 + sign;
        digits();
      }
    }
    return size;
  }

  util::Error unexpected() const {
    if (token_.empty()) {
      return error_at(position_, "the expression ends too early");
    }
    return error_at(position_,
                    fmt::format("'{}' is not understood here", util::printable(token_, 40)));
  }

  bool accept(std::string_view token) {
    if (token_ != token) {
      return false;
    }
    advance();
    return true;
  }
  util::Status expect(std::string_view token) {
    if (!accept(token)) {
      return error_at(position_, fmt::format("'{}' expected", token));
    }
    return {};
  }

  // Every parse function leaves the index of its node on the operand stack.
  void push(Kind kind, std::size_t position, std::size_t operands, Formula::Value value = {}) {
    Formula::Node node{kind, static_cast<Index>(position), value, {}};
    node.operands.assign(stack_.end() - static_cast<std::ptrdiff_t>(operands), stack_.end());
    stack_.resize(stack_.size() - operands);
    stack_.push_back(static_cast<Index>(formula_.nodes_.size()));
    formula_.nodes_.push_back(std::move(node));
  }
  Kind top() const { return formula_.nodes_[stack_.back()].kind; }

  static bool is_comparison(Kind kind) { return kind >= Kind::kLess && kind <= Kind::kNotEqual; }
  util::Status require_number(std::size_t position) const {
    if (is_comparison(top())) {
      return error_at(position, "a comparison is no number; write A if THIS else B");
    }
    return {};
  }

  // a if c else b
  util::Status condition() {
    if (++depth_ > Formula::kDeepestNesting) {
      return error_at(position_, "nested too deeply");
    }
    const std::size_t start = position_;
    WARDER_RETURN_IF_ERROR(comparison());
    if (token_ == "if") {
      const std::size_t position = position_;
      advance();
      WARDER_RETURN_IF_ERROR(require_number(start));
      WARDER_RETURN_IF_ERROR(comparison());
      WARDER_RETURN_IF_ERROR(expect("else"));
      const std::size_t otherwise = position_;
      WARDER_RETURN_IF_ERROR(condition());
      WARDER_RETURN_IF_ERROR(require_number(otherwise));
      push(Kind::kCondition, position, 3);
    }
    --depth_;
    return {};
  }

  util::Status comparison() {
    const std::size_t start = position_;
    WARDER_RETURN_IF_ERROR(shift());
    static constexpr std::pair<std::string_view, Kind> kOperators[] = {
        {"<", Kind::kLess},          {"<=", Kind::kLessEqual}, {">", Kind::kGreater},
        {">=", Kind::kGreaterEqual}, {"==", Kind::kEqual},     {"!=", Kind::kNotEqual}};
    for (const auto& [token, kind] : kOperators) {
      if (token_ == token) {
        WARDER_RETURN_IF_ERROR(require_number(start));
        return binary(kind, &FormulaParser::shift);
      }
    }
    return {};
  }

  // The operator is the current token, its left side on the stack.
  util::Status binary(Kind kind, util::Status (FormulaParser::*right)()) {
    const std::size_t position = position_;
    advance();
    const std::size_t start = position_;
    WARDER_RETURN_IF_ERROR((this->*right)());
    WARDER_RETURN_IF_ERROR(require_number(start));
    push(kind, position, 2);
    return {};
  }

  util::Status left_chain(std::initializer_list<std::pair<std::string_view, Kind>> operators,
                          util::Status (FormulaParser::*side)()) {
    const std::size_t start = position_;
    WARDER_RETURN_IF_ERROR((this->*side)());
    while (true) {
      const auto* found = std::find_if(operators.begin(), operators.end(),
                                       [&](const auto& entry) { return entry.first == token_; });
      if (found == operators.end()) {
        return {};
      }
      WARDER_RETURN_IF_ERROR(require_number(start));
      WARDER_RETURN_IF_ERROR(binary(found->second, side));
      // A long chain makes a deep tree.
      if (++chained_ > kLongestChain) {
        return error_at(position_, "too many operators");
      }
    }
  }

  util::Status shift() { return left_chain({{"<<", Kind::kShiftLeft}}, &FormulaParser::sum); }
  util::Status sum() {
    return left_chain({{"+", Kind::kAdd}, {"-", Kind::kSubtract}}, &FormulaParser::product);
  }
  util::Status product() {
    return left_chain({{"*", Kind::kMultiply},
                       {"/", Kind::kDivide},
                       {"//", Kind::kFloorDivide},
                       {"%", Kind::kModulo}},
                      &FormulaParser::unary);
  }

  util::Status unary() {
    if (token_ != "-" && token_ != "+") {
      return power();
    }
    if (++depth_ > Formula::kDeepestNesting) {
      return error_at(position_, "nested too deeply");
    }
    const bool negate = token_ == "-";
    const std::size_t position = position_;
    advance();
    WARDER_RETURN_IF_ERROR(unary());
    WARDER_RETURN_IF_ERROR(require_number(position));
    if (negate) {
      push(Kind::kNegate, position, 1);
    }
    --depth_;
    return {};
  }

  // Binds tighter than a sign on its left, looser than one on its right, and to the right.
  util::Status power() {
    const std::size_t start = position_;
    WARDER_RETURN_IF_ERROR(primary());
    if (token_ != "**") {
      return {};
    }
    WARDER_RETURN_IF_ERROR(require_number(start));
    if (++depth_ > Formula::kDeepestNesting) {
      return error_at(position_, "nested too deeply");
    }
    WARDER_RETURN_IF_ERROR(binary(Kind::kPower, &FormulaParser::unary));
    --depth_;
    return {};
  }

  util::Status primary() {
    if (token_.empty()) {
      return unexpected();
    }
    if (is_digit(token_[0]) || token_[0] == '.') {
      return number();
    }
    if (is_letter(token_[0])) {
      return name();
    }
    if (accept("(")) {
      WARDER_RETURN_IF_ERROR(condition());
      return expect(")");
    }
    return unexpected();
  }

  util::Status number() {
    double value = 0;
    const auto [end, error] = std::from_chars(token_.data(), token_.data() + token_.size(), value);
    if (error != std::errc{} || end != token_.data() + token_.size()) {
      return error_at(position_, fmt::format("'{}' is no number", util::printable(token_, 40)));
    }
    const bool whole = token_.find_first_not_of("0123456789") == std::string_view::npos;
    push(Kind::kNumber, position_, 0, {value, whole});
    advance();
    return {};
  }

  util::Status name() {
    struct Variable {
      std::string_view name;
      Kind kind;
    };
    static constexpr Variable kVariables[] = {
        {"ban.Time", Kind::kTime}, {"ban.Count", Kind::kCount}, {"banFactor", Kind::kFactor}};
    for (const Variable& variable : kVariables) {
      if (token_ == variable.name) {
        if (names_ == Formula::Names::kNone) {
          return error_at(position_, fmt::format("'{}' cannot be used here", variable.name));
        }
        push(variable.kind, position_, 0);
        advance();
        return {};
      }
    }
    return call();
  }

  util::Status call() {
    struct Function {
      std::string_view name;
      Kind kind;
      std::size_t least;
      std::size_t most;
    };
    static constexpr Function kFunctions[] = {
        {"math.exp", Kind::kExp, 1, 1},         {"math.log", Kind::kLog, 1, 2},
        {"math.pow", Kind::kMathPower, 2, 2},   {"math.sqrt", Kind::kSquareRoot, 1, 1},
        {"min", Kind::kMin, 2, kMostArguments}, {"max", Kind::kMax, 2, kMostArguments},
        {"float", Kind::kFloat, 1, 1},          {"int", Kind::kInt, 1, 1}};
    const auto* function = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                        [&](const Function& f) { return f.name == token_; });
    if (function == std::end(kFunctions)) {
      return error_at(position_, fmt::format("'{}' is not known; known are ban.Time, ban.Count, "
                                             "banFactor, math.exp, math.log, math.pow, math.sqrt, "
                                             "min, max, float and int",
                                             util::printable(token_, 40)));
    }
    const std::size_t position = position_;
    advance();
    WARDER_RETURN_IF_ERROR(expect("("));
    std::size_t count = 0;
    do {
      const std::size_t start = position_;
      WARDER_RETURN_IF_ERROR(condition());
      WARDER_RETURN_IF_ERROR(require_number(start));
      ++count;
    } while (count < function->most && accept(","));
    WARDER_RETURN_IF_ERROR(expect(")"));
    if (count < function->least) {
      return error_at(
          position, fmt::format("'{}' takes at least {} values", function->name, function->least));
    }
    push(function->kind, position, count);
    return {};
  }

  static constexpr std::size_t kMostArguments = 16;
  static constexpr int kLongestChain = 200;

  std::string_view text_;
  Formula::Names names_;
  std::size_t position_ = 0;
  std::string_view token_;
  int depth_ = 0;
  int chained_ = 0;
  std::vector<Index> stack_;
  Formula formula_;
};

util::Result<Formula> Formula::parse(std::string_view text, Names names) {
  return FormulaParser(text, names).parse();
}

util::Result<Formula::Value> Formula::evaluate(const Variables& variables) const {
  return evaluate_node(static_cast<std::uint16_t>(nodes_.size() - 1), variables);
}

util::Result<Formula::Value> Formula::evaluate_node(std::uint16_t index,
                                                    const Variables& variables) const {
  const Node& node = nodes_[index];
  switch (node.kind) {
    case Kind::kNumber:
      return node.value;
    case Kind::kTime:
      return Value{variables.time, variables.time == std::floor(variables.time)};
    case Kind::kCount:
      return Value{variables.count, true};
    case Kind::kFactor:
      return Value{variables.factor, variables.factor_is_whole};
    case Kind::kCondition: {
      WARDER_ASSIGN_OR_RETURN(const Value chosen, evaluate_node(node.operands[1], variables));
      return evaluate_node(node.operands[chosen.number != 0 ? 0 : 2], variables);
    }
    default:
      break;
  }
  std::vector<Value> operands;
  operands.reserve(node.operands.size());
  for (const std::uint16_t operand : node.operands) {
    WARDER_ASSIGN_OR_RETURN(const Value value, evaluate_node(operand, variables));
    operands.push_back(value);
  }
  WARDER_ASSIGN_OR_RETURN(const Value result, apply(node, operands));
  if (!std::isfinite(result.number)) {
    return error_at(node.position, "the result is no finite number");
  }
  return result;
}

util::Result<Formula::Value> Formula::apply(const Node& node, const std::vector<Value>& operands) {
  const auto fail = [&](std::string_view what) { return error_at(node.position, what); };
  const Value a = operands[0];
  const Value b = operands.size() > 1 ? operands[1] : Value{};
  const bool whole = a.whole && b.whole;
  switch (node.kind) {
    case Kind::kNegate:
      return Value{-a.number, a.whole};
    case Kind::kAdd:
      return Value{a.number + b.number, whole};
    case Kind::kSubtract:
      return Value{a.number - b.number, whole};
    case Kind::kMultiply:
      return Value{a.number * b.number, whole};
    case Kind::kDivide:
    case Kind::kFloorDivide:
    case Kind::kModulo:
      if (b.number == 0) {
        return fail("division by zero");
      }
      if (node.kind == Kind::kDivide) {
        return Value{a.number / b.number, false};
      }
      if (node.kind == Kind::kFloorDivide) {
        return Value{std::floor(a.number / b.number), whole};
      }
      return Value{a.number - b.number * std::floor(a.number / b.number), whole};
    case Kind::kPower:
      return Value{std::pow(a.number, b.number), whole && b.number >= 0};
    case Kind::kShiftLeft:
      if (!whole || b.number < 0 || b.number > 1000) {
        return fail("<< wants whole numbers, the right one from 0 to 1000");
      }
      return Value{std::ldexp(a.number, static_cast<int>(b.number)), true};
    case Kind::kLess:
      return Value{a.number < b.number ? 1.0 : 0.0, true};
    case Kind::kLessEqual:
      return Value{a.number <= b.number ? 1.0 : 0.0, true};
    case Kind::kGreater:
      return Value{a.number > b.number ? 1.0 : 0.0, true};
    case Kind::kGreaterEqual:
      return Value{a.number >= b.number ? 1.0 : 0.0, true};
    case Kind::kEqual:
      return Value{a.number == b.number ? 1.0 : 0.0, true};
    case Kind::kNotEqual:
      return Value{a.number != b.number ? 1.0 : 0.0, true};
    case Kind::kExp:
      return Value{std::exp(a.number), false};
    case Kind::kLog:
      if (a.number <= 0 || (operands.size() > 1 && (b.number <= 0 || b.number == 1))) {
        return fail("this logarithm does not exist");
      }
      return Value{
          operands.size() > 1 ? std::log(a.number) / std::log(b.number) : std::log(a.number),
          false};
    case Kind::kMathPower:
      return Value{std::pow(a.number, b.number), false};
    case Kind::kSquareRoot:
      if (a.number < 0) {
        return fail("the square root of a negative number");
      }
      return Value{std::sqrt(a.number), false};
    case Kind::kMin:
    case Kind::kMax: {
      const auto less = [](const Value& x, const Value& y) { return x.number < y.number; };
      return node.kind == Kind::kMin ? *std::min_element(operands.begin(), operands.end(), less)
                                     : *std::max_element(operands.begin(), operands.end(), less);
    }
    case Kind::kFloat:
      return Value{a.number, false};
    case Kind::kInt:
      return Value{std::trunc(a.number), true};
    default:
      return util::Error(util::ErrorCode::kInternal, "unknown node");
  }
}

}  // namespace warder::jail
