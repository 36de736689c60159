#include "filter/near_miss.h"

#include "filter/json_near_miss.h"
#include "filter/pattern_steps.h"
#include "filter/text_filter.h"
#include "filter/text_pattern.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

namespace warder::filter {
namespace {

// Beginnings kept compiled; beyond that all are forgotten and made again as needed.
constexpr std::size_t kMostCompiled = 2000;
// A pattern of which less fitted is not near.
constexpr std::size_t kLeastScore = 3;

// Beginnings of expressions, compiled once.
class Beginnings {
 public:
  explicit Beginnings(const RegexDialect& dialect) : dialect_(dialect) {}

  // Null where the beginning is no expression by itself.
  const TextPattern* find(const std::string& text) {
    if (const auto known = compiled_.find(text); known != compiled_.end()) {
      const std::optional<TextPattern>& made = known->second;
      return made ? &*made : nullptr;
    }
    if (compiled_.size() >= kMostCompiled) {
      compiled_.clear();
    }
    auto pattern = TextPattern::compile(text, dialect_);
    auto& kept = compiled_[text];
    if (pattern) {
      kept.emplace(std::move(*pattern));
    }
    return kept ? &*kept : nullptr;
  }

 private:
  RegexDialect dialect_;
  std::unordered_map<std::string, std::optional<TextPattern>> compiled_;
};

// How far one expression got.
struct Reach {
  std::size_t at = 0;     // in the expression
  std::size_t score = 0;  // weight of what fitted
  std::string begun;      // the beginning that fitted, without wildcards at its end
};

class Walk {
 public:
  Walk(Beginnings& beginnings, std::string_view expression, const Subject& text)
      : beginnings_(beginnings), expression_(expression), text_(text) {}

  // The farthest place reached within expression[begin, end), when `before` fits already; `after`
  // closes the groups that are open.
  Reach reach(const std::string& before, const std::string& after, std::size_t begin,
              std::size_t end, std::size_t score) {
    Reach best{begin, score, before + after};
    for (const std::vector<PatternStep>& steps : pattern_steps(expression_, begin, end)) {
      Reach one = reach_along(steps, before, after, score);
      if (one.score > best.score || (one.score == best.score && one.at > best.at)) {
        best = std::move(one);
      }
    }
    return best;
  }

 private:
  Reach reach_along(const std::vector<PatternStep>& steps, const std::string& before,
                    const std::string& after, std::size_t score) {
    // A longer beginning fits nowhere where a shorter one does not, so the place can be halved in.
    std::size_t fits = 0;
    std::size_t beyond = steps.size() + 1;
    while (beyond - fits > 1) {
      const std::size_t middle = fits + (beyond - fits) / 2;
      (matches(before + piece(steps, middle) + after) ? fits : beyond) = middle;
    }
    Reach reached;
    reached.at = fits < steps.size() ? steps[fits].begin : steps.empty() ? 0 : steps.back().end;
    reached.score = score;
    std::size_t told = fits;
    for (std::size_t i = 0; i < fits; ++i) {
      reached.score += steps[i].weight;
    }
    while (told > 0 && steps[told - 1].wildcard) {
      --told;
    }
    reached.begun = before + piece(steps, told) + after;
    if (fits < steps.size()) {
      if (const auto& inner = steps[fits].inner) {
        Reach deeper = reach(before + piece(steps, fits) + inner->open, inner->close + after,
                             inner->begin, inner->end, reached.score);
        // A group of which nothing fitted is told as a whole.
        if (deeper.score > reached.score || deeper.at > inner->begin) {
          return deeper;
        }
      }
    }
    return reached;
  }

  std::string piece(const std::vector<PatternStep>& steps, std::size_t count) const {
    return count == 0 ? std::string()
                      : std::string(expression_.substr(steps.front().begin,
                                                       steps[count - 1].end - steps.front().begin));
  }

  // What does not compile by itself is taken as fitting: its end is no place to stop at, and what
  // follows decides.
  bool matches(const std::string& beginning) {
    const TextPattern* pattern = beginnings_.find(beginning);
    return pattern == nullptr || pattern->matches(text_);
  }

  Beginnings& beginnings_;
  std::string_view expression_;
  const Subject& text_;
};

}  // namespace

struct MissExplainer::State {
  std::shared_ptr<const Filter> filter;
  Beginnings beginnings{RegexDialect{}};
  std::unique_ptr<JsonMissExplainer> json;

  NearMiss miss_of(std::optional<std::size_t> number, const std::string& expression,
                   const Subject& text) {
    Reach reached = Walk(beginnings, expression, text).reach("", "", 0, expression.size(), 0);
    NearMiss miss;
    miss.pattern = number;
    miss.expression = expression;
    miss.expression_at = reached.at;
    miss.text = text.text.substr(0, text.text.size() - 1);
    miss.score = reached.score;
    Captures ignored;
    if (const TextPattern* begun = beginnings.find(reached.begun)) {
      const std::optional<Span> match = begun->match_span(text, ignored);
      miss.text_at = match ? std::min(match->end, miss.text.size()) : 0;
    }
    return miss;
  }

  // Of all patterns; nothing when none comes near.
  std::optional<NearMiss> nearest(const Subject& text) {
    std::optional<NearMiss> best;
    const TextFilter& text_filter = *filter->text();
    for (std::size_t i = 0; i < text_filter.patterns().size(); ++i) {
      NearMiss miss = miss_of(i, text_filter.patterns()[i].text, text);
      if (!best || miss.score > best->score) {
        best = std::move(miss);
      }
    }
    return best && best->score >= kLeastScore ? best : std::nullopt;
  }
};

std::string in_words(const NearMiss& miss) {
  constexpr std::size_t kShown = 60;
  if (!miss.failed.empty()) {
    return fmt::format("not {}", util::printable_again(miss.failed, 200));
  }
  if (miss.blanks != 0) {
    return "the blank behind the date, which is taken out first, is still in front: begin the "
           "pattern with ^\\s*";
  }
  if (miss.expression_at >= miss.expression.size()) {
    return {};
  }
  return fmt::format(
      "stops at '{}' before '{}'",
      util::printable(std::string_view(miss.expression).substr(miss.expression_at), kShown),
      util::printable(std::string_view(miss.text).substr(miss.text_at), kShown));
}

MissExplainer::MissExplainer(std::shared_ptr<const Filter> filter)
    : state_(std::make_unique<State>()) {
  if (filter->json()) {
    state_->json = std::make_unique<JsonMissExplainer>(filter->json());
  } else {
    state_->beginnings = Beginnings(filter->text()->dialect());
  }
  state_->filter = std::move(filter);
}

MissExplainer::~MissExplainer() = default;
MissExplainer::MissExplainer(MissExplainer&&) noexcept = default;
MissExplainer& MissExplainer::operator=(MissExplainer&&) noexcept = default;

std::optional<NearMiss> MissExplainer::explain(std::string_view line) {
  if (state_->json) {
    return state_->json->explain(line);
  }
  const TextFilter& filter = *state_->filter->text();
  const OwnSubject message = filter.message_of(line);
  const std::optional<OwnSubject> content = filter.content_of(message);
  if (!content) {
    return state_->miss_of(std::nullopt, filter.prefix_text(), message.subject());
  }
  if (std::optional<NearMiss> miss = state_->nearest(content->subject())) {
    return miss;
  }
  const Subject whole = content->subject();
  const std::size_t blanks = std::min(whole.text.find_first_not_of(' '), whole.text.size());
  if (blanks == 0) {
    return std::nullopt;
  }
  std::optional<NearMiss> miss = state_->nearest({whole.text.substr(blanks), whole.kind});
  if (miss) {
    miss->blanks = blanks;
    miss->text.insert(0, blanks, ' ');
    miss->text_at += blanks;
  }
  return miss;
}

}  // namespace warder::filter
