#include "filter/json_condition.h"

#include "filter/json_token.h"
#include "util/strings.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace warder::filter {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::string_view kOperators =
    "==, !=, <, <=, >, >=, =~, !~, in, not in, cidr, not cidr, starts, ends or contains";

std::string shown(const Token& token) {
  return token.kind == TokenKind::kEnd ? "the end"
                                       : fmt::format("'{}'", util::printable(token.raw, 60));
}

// What somebody means who writes it from habit.
std::string_view ours_for(std::string_view theirs) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kHabits = {
      {{"=", "=="},
       {"&&", "and"},
       {"||", "or"},
       {"!", "not"},
       {"&", "and"},
       {"|", "or"},
       {"is", "=="},
       {"matches", "=~"},
       {"like", "=~"},
       {"between", "in (LOW..HIGH)"}}};
  for (const auto& [habit, word] : kHabits) {
    if (habit == theirs) {
      return word;
    }
  }
  constexpr std::array<std::string_view, 9> kWords = {"and",  "or",     "not",    "in",      "cidr",
                                                      "ends", "starts", "exists", "contains"};
  const std::string lower = util::to_lower(theirs);
  const auto near = util::nearest(lower, kWords);
  return near && *near != theirs ? *near : std::string_view{};
}

// Others would be spelled with escapes in the line; no logger has such fields.
bool can_be_key(std::string_view key) {
  return !key.empty() && std::none_of(key.begin(), key.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  });
}

// Recursive descent; the first problem ends it. Every function gives nothing on failure.
class Parser {
 public:
  Parser(std::string_view text, ConditionProblem& problem) : tokens_(text), problem_(problem) {}

  std::optional<Expression> whole() {
    auto expression = any(0);
    if (expression && tokens_.peek().kind != TokenKind::kEnd) {
      return expected("'and', 'or' or the end");
    }
    return expression;
  }

  std::optional<JsonPath> whole_path() {
    auto path = this->path();
    if (path && tokens_.peek().kind != TokenKind::kEnd) {
      return expected("'.', '[' or the end");
    }
    return path;
  }

 private:
  std::nullopt_t fail(std::size_t offset, std::string text) {
    problem_ = {offset, std::move(text)};
    return std::nullopt;
  }

  std::nullopt_t expected(std::string_view what) {
    const Token& found = tokens_.peek();
    if (found.kind == TokenKind::kBad) {
      return fail(found.offset, fmt::format("{}: {}", shown(found), found.value));
    }
    std::string text = fmt::format("expected {}, found {}", what, shown(found));
    if (const std::string_view ours = ours_for(found.raw); !ours.empty()) {
      text += fmt::format("; did you mean '{}'?", ours);
    }
    return fail(found.offset, std::move(text));
  }

  bool take(std::string_view sign_or_word) {
    if (!tokens_.peek().is(sign_or_word)) {
      return false;
    }
    tokens_.take();
    return true;
  }

  std::optional<Expression> any(std::size_t depth) {
    return joined(Expression::Kind::kAny, "or", [&] { return all(depth); });
  }

  std::optional<Expression> all(std::size_t depth) {
    return joined(Expression::Kind::kAll, "and", [&] { return unary(depth); });
  }

  template <typename Part>
  std::optional<Expression> joined(Expression::Kind kind, std::string_view word, Part part) {
    auto first = part();
    if (!first || !tokens_.peek().is(word)) {
      return first;
    }
    Expression expression;
    expression.kind = kind;
    expression.children.push_back(std::move(*first));
    while (take(word)) {
      auto next = part();
      if (!next) {
        return std::nullopt;
      }
      expression.children.push_back(std::move(*next));
    }
    return expression;
  }

  std::optional<Expression> unary(std::size_t depth) {
    if (depth == kDeepestCondition) {
      return fail(tokens_.peek().offset,
                  fmt::format("more than {} levels of parentheses and 'not'; write it as several "
                              "rules, one a line",
                              kDeepestCondition));
    }
    if (take("not")) {
      auto inner = unary(depth + 1);
      return inner ? std::optional(negated(std::move(*inner))) : std::nullopt;
    }
    if (take("(")) {
      auto inner = any(depth + 1);
      if (inner && !take(")")) {
        return expected("'and', 'or' or ')'");
      }
      return inner;
    }
    if (++tests_ > kMostTests) {
      return fail(
          tokens_.peek().offset,
          fmt::format("more than {} tests; write it as several rules, one a line", kMostTests));
    }
    return test();
  }

  static Expression negated(Expression inner) {
    Expression expression;
    expression.kind = Expression::Kind::kNot;
    expression.children.push_back(std::move(inner));
    return expression;
  }

  std::optional<Expression> test() {
    Expression expression;
    Test& test = expression.test;
    Token first = tokens_.peek();
    if (first.is("exists")) {
      tokens_.take();
      return filled(path(), test.field, std::move(expression));
    }
    auto field = path();
    if (!field) {
      return std::nullopt;
    }
    if ((first.is("path") || first.is("any")) && field->steps.size() == 1 && take("(")) {
      test.view = first.is("path") ? FieldView::kUriPath : FieldView::kElement;
      field = path();
      if (!field) {
        return std::nullopt;
      }
      if (!take(")")) {
        return expected("')'");
      }
    }
    test.field = std::move(*field);
    const bool negative_word = take("not");
    auto negative = operation(test, negative_word);
    if (!negative) {
      return std::nullopt;
    }
    if (test.view == FieldView::kElement &&
        (test.kind == TestKind::kMatches || !test.numbers.empty() || test.accepts_true ||
         test.accepts_false || test.accepts_null)) {
      return fail(first.offset,
                  "any() compares texts: ==, !=, in, starts, ends, contains and cidr are possible");
    }
    return *negative ? negated(std::move(expression)) : std::move(expression);
  }

  static std::optional<Expression> filled(std::optional<JsonPath> from, JsonPath& to,
                                          Expression&& expression) {
    if (!from) {
      return std::nullopt;
    }
    to = std::move(*from);
    return std::move(expression);
  }

  // Operator and right side. Gives whether the operator is a negative one.
  std::optional<bool> operation(Test& test, bool negative) {
    if (take("in")) {
      return list(test) ? std::optional(negative) : std::nullopt;
    }
    if (take("cidr")) {
      return prefixes(test) ? std::optional(negative) : std::nullopt;
    }
    if (negative) {
      return expected("'in' or 'cidr' after 'not'");
    }
    test.kind = TestKind::kOneOf;
    if (take("==")) {
      return literal(test) ? std::optional(false) : std::nullopt;
    }
    if (take("!=")) {
      return literal(test) ? std::optional(true) : std::nullopt;
    }
    for (const std::string_view sign : {"<", "<=", ">", ">="}) {
      if (take(sign)) {
        return bound(test, sign) ? std::optional(false) : std::nullopt;
      }
    }
    if (take("=~")) {
      return regex(test) ? std::optional(false) : std::nullopt;
    }
    if (take("!~")) {
      return regex(test) ? std::optional(true) : std::nullopt;
    }
    constexpr std::array<std::pair<std::string_view, TestKind>, 3> kParts = {
        {{"starts", TestKind::kStarts},
         {"ends", TestKind::kEnds},
         {"contains", TestKind::kContains}}};
    for (const auto& [word, kind] : kParts) {
      if (take(word)) {
        test.kind = kind;
        return text(test.text) ? std::optional(false) : std::nullopt;
      }
    }
    return expected(fmt::format("an operator ({})", kOperators));
  }

  std::optional<JsonPath> path() {
    JsonPath path;
    while (true) {
      const Token& key = tokens_.peek();
      if (key.kind != TokenKind::kWord && key.kind != TokenKind::kText) {
        return expected(path.steps.empty() ? "the name of a field" : "a name after '.'");
      }
      Token token = tokens_.take();
      if (token.kind == TokenKind::kText && !can_be_key(token.value)) {
        return fail(token.offset,
                    "the name of a field is neither empty nor holds quotes, backslashes or control "
                    "characters");
      }
      path.steps.push_back(
          {token.kind == TokenKind::kText ? std::move(token.value) : std::string(token.raw), {}});
      while (tokens_.peek().is("[")) {
        if (!element(path)) {
          return std::nullopt;
        }
      }
      if (path.steps.size() > kDeepestPath) {
        return fail(token.offset, fmt::format("a path has at most {} steps", kDeepestPath));
      }
      if (!take(".")) {
        return path;
      }
    }
  }

  bool element(JsonPath& path) {
    tokens_.take();
    const Token& number = tokens_.peek();
    if (number.kind != TokenKind::kNumber || number.number < 0 ||
        number.number > static_cast<double>(kLargestElement) ||
        number.number != std::floor(number.number)) {
      expected(fmt::format("the number of an element, 0 to {}", kLargestElement));
      return false;
    }
    path.steps.push_back({"", static_cast<std::size_t>(number.number)});
    tokens_.take();
    if (!take("]")) {
      expected("']'");
      return false;
    }
    return true;
  }

  bool literal(Test& test) {
    const Token& token = tokens_.peek();
    if (token.kind == TokenKind::kNumber) {
      test.numbers.push_back({token.number, token.number});
    } else if (token.kind == TokenKind::kText) {
      test.texts.push_back(token.value);
    } else if (token.is("true")) {
      test.accepts_true = true;
    } else if (token.is("false")) {
      test.accepts_false = true;
    } else if (token.is("null")) {
      test.accepts_null = true;
    } else {
      const bool bare_word = token.kind == TokenKind::kWord;
      expected(bare_word ? "a number, true, false, null or a text in quotes"
                         : "a number, a text in quotes, true, false or null");
      return false;
    }
    tokens_.take();
    return true;
  }

  bool bound(Test& test, std::string_view sign) {
    const Token& token = tokens_.peek();
    if (token.kind != TokenKind::kNumber) {
      expected(fmt::format("a number after '{}'", sign));
      return false;
    }
    const double limit = token.number;
    if (sign[0] == '<') {
      test.numbers.push_back(
          {-kInfinity, sign == "<=" ? limit : std::nextafter(limit, -kInfinity)});
    } else {
      test.numbers.push_back({sign == ">=" ? limit : std::nextafter(limit, kInfinity), kInfinity});
    }
    tokens_.take();
    return true;
  }

  bool list(Test& test) {
    test.kind = TestKind::kOneOf;
    return items([&] {
      const bool number = tokens_.peek().kind == TokenKind::kNumber;
      if (!literal(test)) {
        return false;
      }
      if (!number || !take("..")) {
        return true;
      }
      const Token& high = tokens_.peek();
      if (high.kind != TokenKind::kNumber || high.number < test.numbers.back().low) {
        expected("a number not below the first after '..'");
        return false;
      }
      test.numbers.back().high = high.number;
      tokens_.take();
      return true;
    });
  }

  bool prefixes(Test& test) {
    test.kind = TestKind::kCidr;
    return items([&] {
      const Token token =
          tokens_.peek().kind == TokenKind::kText ? tokens_.take() : tokens_.take_bare_item();
      const auto prefix = net::Prefix::parse(token.value);
      if (!prefix) {
        fail(token.offset, fmt::format("expected an address or prefix such as 10.0.0.0/8: {}",
                                       prefix.error().message()));
        return false;
      }
      test.prefixes.push_back(*prefix);
      return true;
    });
  }

  // "(" item { "," item } ")"
  template <typename Item>
  bool items(Item item) {
    if (!take("(")) {
      expected("'('");
      return false;
    }
    do {
      if (!item()) {
        return false;
      }
    } while (take(","));
    if (!take(")")) {
      expected("',' or ')'");
      return false;
    }
    return true;
  }

  bool regex(Test& test) {
    test.kind = TestKind::kMatches;
    const std::size_t offset = tokens_.peek().offset;
    if (!text(test.text)) {
      return false;
    }
    RE2::Options options;
    options.set_log_errors(false);
    const RE2 compiled(test.text, options);
    if (!compiled.ok()) {
      fail(offset, fmt::format("this is no regular expression of RE2: {}; look-around and "
                               "back-references do not exist there",
                               compiled.error()));
      return false;
    }
    return true;
  }

  bool text(std::string& out) {
    if (tokens_.peek().kind != TokenKind::kText) {
      expected("a text in quotes");
      return false;
    }
    out = tokens_.take().value;
    return true;
  }

  Tokens tokens_;
  ConditionProblem& problem_;
  std::size_t tests_ = 0;
};

bool too_long(std::string_view text, ConditionProblem& problem) {
  if (text.size() <= kLongestCondition) {
    return false;
  }
  problem = {0, fmt::format("longer than {} bytes; write it as several rules, one a line",
                            kLongestCondition)};
  return true;
}

}  // namespace

std::string JsonPath::to_string() const {
  std::string text;
  for (const Step& step : steps) {
    if (step.element) {
      text += fmt::format("[{}]", *step.element);
      continue;
    }
    if (!text.empty()) {
      text += '.';
    }
    const Tokens tokens(step.key);
    const bool plain = tokens.peek().kind == TokenKind::kWord && tokens.peek().raw == step.key;
    if (plain) {
      text += step.key;
      continue;
    }
    text += fmt::format("\"{}\"", step.key);
  }
  return text;
}

std::optional<Expression> parse_condition(std::string_view text, ConditionProblem& problem) {
  if (too_long(text, problem)) {
    return std::nullopt;
  }
  return Parser(text, problem).whole();
}

std::optional<JsonPath> parse_json_path(std::string_view text, ConditionProblem& problem) {
  if (too_long(text, problem)) {
    return std::nullopt;
  }
  return Parser(text, problem).whole_path();
}

}  // namespace warder::filter
