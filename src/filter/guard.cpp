#include "filter/guard.h"

#include <algorithm>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::size_t kMostSteps = 5000;

bool is_word_at(std::u32string_view text, std::size_t at) {
  return at < text.size() && is_word_character(text[at]);
}

bool holds_at(AssertKind kind, std::u32string_view text, std::size_t at) {
  const bool is_last_break = at + 1 == text.size() && text[at] == U'\n';
  switch (kind) {
    case AssertKind::kTextBegin:
      return at == 0;
    case AssertKind::kTextEnd:
    case AssertKind::kVeryEnd:
      return at == text.size() || is_last_break;
    case AssertKind::kLineBegin:
      return at == 0 || text[at - 1] == U'\n';
    case AssertKind::kLineEnd:
      return at == text.size() || text[at] == U'\n';
    case AssertKind::kWordBoundary:
      return (at > 0 && is_word_at(text, at - 1)) != is_word_at(text, at);
    case AssertKind::kAhead:
    case AssertKind::kBehind:
      return false;  // refused by compile()
  }
  return false;
}

// What matches the same texts read from their ends.
RegexNode reversed(const RegexNode& node) {
  RegexNode result = node;
  for (RegexNode& kid : result.kids) {
    kid = reversed(kid);
  }
  if (result.kind == NodeKind::kConcat) {
    std::reverse(result.kids.begin(), result.kids.end());
  }
  return result;
}

}  // namespace

util::Result<std::size_t> Guard::push(Step step) {
  if (steps_.size() == kMostSteps) {
    return regex_error(assertion_.at, "what is looked for ahead or behind is too long");
  }
  steps_.push_back(std::move(step));
  return steps_.size() - 1;
}

util::Result<std::size_t> Guard::add(const RegexNode& node, std::size_t next) {
  switch (node.kind) {
    case NodeKind::kEmpty:
      return next;
    case NodeKind::kClass:
      return push({.op = Op::kCharacter, .next = next, .chars = node.chars});
    case NodeKind::kConcat:
      for (auto kid = node.kids.rbegin(); kid != node.kids.rend(); ++kid) {
        WARDER_ASSIGN_OR_RETURN(next, add(*kid, next));
      }
      return next;
    case NodeKind::kAlternate: {
      WARDER_ASSIGN_OR_RETURN(std::size_t begin, add(node.kids.back(), next));
      for (std::size_t kid = node.kids.size() - 1; kid-- > 0;) {
        WARDER_ASSIGN_OR_RETURN(const std::size_t first, add(node.kids[kid], next));
        WARDER_ASSIGN_OR_RETURN(begin, push({.op = Op::kSplit, .next = first, .other = begin}));
      }
      return begin;
    }
    case NodeKind::kRepeat: {
      std::size_t begin = next;
      if (node.most == kNoLimit) {
        WARDER_ASSIGN_OR_RETURN(begin, push({.op = Op::kSplit, .next = next, .other = next}));
        WARDER_ASSIGN_OR_RETURN(const std::size_t body, add(node.kids[0], begin));
        steps_[begin].next = body;
      } else {
        for (int round = node.least; round < node.most; ++round) {
          WARDER_ASSIGN_OR_RETURN(const std::size_t body, add(node.kids[0], begin));
          WARDER_ASSIGN_OR_RETURN(begin, push({.op = Op::kSplit, .next = body, .other = next}));
        }
      }
      for (int round = 0; round < node.least; ++round) {
        WARDER_ASSIGN_OR_RETURN(begin, add(node.kids[0], begin));
      }
      return begin;
    }
    case NodeKind::kCapture:
    case NodeKind::kTag:
      return add(node.kids[0], next);
    case NodeKind::kAssert:
      if (!node.kids.empty()) {
        return regex_error(node.at,
                           "a look within (?=...), (?!...), (?<=...) or (?<!...) is not supported; "
                           "write them one after the other");
      }
      return push({.op = Op::kAssert,
                   .next = next,
                   .assertion = node.assertion,
                   .negative = node.negative});
    case NodeKind::kBackReference:
    case NodeKind::kConditional:
      return regex_error(node.at,
                         "(?P=...) and (?(...)) within (?=...), (?!...), (?<=...) or (?<!...) are "
                         "not supported; write one expression for each value the group can have");
  }
  return next;
}

util::Result<Guard> Guard::compile(const RegexNode& assertion) {
  Guard guard(assertion);
  if (assertion.kids.empty()) {
    return guard;
  }
  guard.steps_.emplace_back();
  const bool behind = assertion.assertion == AssertKind::kBehind;
  WARDER_ASSIGN_OR_RETURN(guard.begin_,
                          guard.add(behind ? reversed(assertion.kids[0]) : assertion.kids[0], 0));
  return guard;
}

std::vector<bool> Guard::holds(std::u32string_view text) const {
  std::vector<bool> result(text.size() + 1);
  if (assertion_.kids.empty()) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      result[at] = holds_at(assertion_.assertion, text, at) != assertion_.negative;
    }
    return result;
  }
  // From which step the rest of the text (up to here: the part already passed) leads to a match,
  // at this place and at the one passed before.
  const bool behind = assertion_.assertion == AssertKind::kBehind;
  std::vector<char> before(steps_.size(), 0);
  std::vector<char> here(steps_.size(), 0);
  for (std::size_t passed = 0; passed <= text.size(); ++passed) {
    const std::size_t at = behind ? passed : text.size() - passed;
    std::fill(here.begin(), here.end(), 0);
    here[0] = 1;
    // Repetitions lead back to earlier steps, so that one round over the steps is not enough; each
    // round but the last finds something new.
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t number = 1; number < steps_.size(); ++number) {
        const Step& step = steps_[number];
        bool leads = here[number] != 0;
        if (leads) {
          continue;
        }
        switch (step.op) {
          case Op::kMatch:
            break;
          case Op::kCharacter:
            leads = passed > 0 && before[step.next] != 0 &&
                    step.chars.matches(text[behind ? at - 1 : at]);
            break;
          case Op::kSplit:
            leads = here[step.next] != 0 || here[step.other] != 0;
            break;
          case Op::kAssert:
            leads = here[step.next] != 0 && holds_at(step.assertion, text, at) != step.negative;
            break;
        }
        if (leads) {
          here[number] = 1;
          changed = true;
        }
      }
    }
    result[at] = (here[begin_] != 0) != assertion_.negative;
    std::swap(before, here);
  }
  return result;
}

}  // namespace warder::filter
