#include "filter/json_near_miss.h"

#include "filter/json_fields.h"
#include "filter/json_reader.h"
#include "filter/json_rules.h"
#include "filter/json_tests.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace warder::filter {
namespace {

constexpr std::size_t kLongestValue = 120;

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

// The right side of `in (...)` or `==`.
std::string literals(const Test& test) {
  std::vector<std::string> words;
  for (const NumberRange& range : test.numbers) {
    if (range.low == range.high) {
      words.push_back(fmt::format("{}", range.low));
    } else {
      words.push_back(fmt::format("{}..{}",
                                  std::isinf(range.low) ? "" : fmt::format("{}", range.low),
                                  std::isinf(range.high) ? "" : fmt::format("{}", range.high)));
    }
  }
  for (const std::string& text : test.texts) {
    words.push_back(in_quotes(text));
  }
  for (const auto& [accepts, word] : {std::pair{test.accepts_true, "true"},
                                      {test.accepts_false, "false"},
                                      {test.accepts_null, "null"}}) {
    if (accepts) {
      words.emplace_back(word);
    }
  }
  return words.size() == 1 && words[0].find("..") == std::string::npos
             ? "== " + words[0]
             : fmt::format("in ({})", fmt::join(words, ", "));
}

// The comparison in the words of the language it was written in (json.md).
std::string to_text(const Test& test) {
  std::string field = test.field.to_string();
  if (test.view != FieldView::kValue) {
    field = fmt::format("{}({})", test.view == FieldView::kUriPath ? "path" : "any", field);
  }
  switch (test.kind) {
    case TestKind::kOneOf:
      return fmt::format("{} {}", field, literals(test));
    case TestKind::kMatches:
      return fmt::format("{} ~ {}", field, in_quotes(test.text));
    case TestKind::kStarts:
      return fmt::format("{} starts {}", field, in_quotes(test.text));
    case TestKind::kEnds:
      return fmt::format("{} ends {}", field, in_quotes(test.text));
    case TestKind::kContains:
      return fmt::format("{} contains {}", field, in_quotes(test.text));
    case TestKind::kCidr: {
      std::vector<std::string> words;
      for (const net::Prefix& prefix : test.prefixes) {
        words.push_back(prefix.to_string());
      }
      return fmt::format("{} cidr ({})", field, fmt::join(words, ", "));
    }
    case TestKind::kExists:
      break;
  }
  return fmt::format("exists {}", field);
}

}  // namespace

struct JsonMissExplainer::State {
  std::shared_ptr<const JsonFilter> filter;
  JsonFields fields;
  std::unique_ptr<JsonTests> tests;
  std::vector<CompiledExpression> conditions;
  std::unique_ptr<JsonReader> reader;

  // What of a condition holds.
  struct Score {
    bool holds = false;
    std::size_t held = 0;
    std::string failed;  // the first comparison that does not
  };

  Score judge(const CompiledExpression& expression) {
    switch (expression.kind) {
      case Expression::Kind::kTest: {
        const bool holds = tests->answer(expression.test);
        return {holds, holds ? 1U : 0U, holds ? std::string() : describe(expression.test)};
      }
      case Expression::Kind::kNot: {
        const bool holds =
            !evaluate(expression.children[0], [this](std::size_t t) { return tests->answer(t); });
        // That something is not so holds for nearly every line: it brings no line nearer.
        return {holds, 0, holds ? std::string() : "not " + first_of(expression.children[0])};
      }
      case Expression::Kind::kAll: {
        Score all{true, 0, {}};
        for (const CompiledExpression& child : expression.children) {
          Score one = judge(child);
          all.held += one.held;
          if (!one.holds && all.holds) {
            all.holds = false;
            all.failed = std::move(one.failed);
          }
        }
        return all;
      }
      case Expression::Kind::kAny:
        break;
    }
    std::optional<Score> best;
    for (const CompiledExpression& child : expression.children) {
      Score one = judge(child);
      if (!best || (one.holds && !best->holds) ||
          (one.holds == best->holds && one.held > best->held)) {
        best = std::move(one);
      }
    }
    return best ? std::move(*best) : Score{};
  }

  std::string first_of(const CompiledExpression& expression) {
    return expression.kind == Expression::Kind::kTest ? describe(expression.test)
                                                      : first_of(expression.children[0]);
  }

  std::string describe(std::size_t number) {
    const JsonFields::Slot slot = tests->slot_of(tests->look_of(number));
    const std::string text = to_text(tests->test(number));
    switch (reader->kind(slot)) {
      case JsonKind::kMissing:
        return text + ": the line has no such field";
      case JsonKind::kArray:
        return text + ": it is an array";
      case JsonKind::kObject:
        return text + ": it is an object";
      default:
        return fmt::format("{}: it is {}", text, reader->raw(slot).substr(0, kLongestValue));
    }
  }
};

JsonMissExplainer::JsonMissExplainer(std::shared_ptr<const JsonFilter> filter)
    : state_(std::make_unique<State>()) {
  state_->tests = std::make_unique<JsonTests>(state_->fields);
  for (const Expression& condition : static_cast<const JsonRules&>(*filter).conditions) {
    state_->conditions.push_back(state_->tests->compile(condition));
  }
  // A filter that was loaded has been compiled the same way before.
  if (!state_->tests->finish()) {
    state_->conditions.clear();
  }
  state_->reader = std::make_unique<JsonReader>(state_->fields);
  state_->filter = std::move(filter);
}

JsonMissExplainer::~JsonMissExplainer() = default;

std::optional<NearMiss> JsonMissExplainer::explain(std::string_view line) {
  if (!state_->reader->read(line)) {
    return std::nullopt;
  }
  state_->tests->start_line(*state_->reader);
  std::optional<NearMiss> best;
  for (std::size_t i = 0; i < state_->conditions.size(); ++i) {
    State::Score score = state_->judge(state_->conditions[i]);
    if (score.holds || (best && score.held <= best->score)) {
      continue;
    }
    best.emplace();
    best->pattern = i;
    best->expression = state_->filter->patterns()[i].text;
    best->text = line;
    best->failed = std::move(score.failed);
    best->score = score.held;
  }
  if (best && (best->score == 0 || state_->reader->broken())) {
    return std::nullopt;
  }
  return best;
}

}  // namespace warder::filter
