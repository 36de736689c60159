#include "filter/pattern_steps.h"

#include "filter/regex_scanner.h"

#include <algorithm>

namespace warder::filter {
namespace {

// What an address or another tag says about a line, against a plain character.
constexpr std::size_t kTagWeight = 6;

bool is_tag_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '/';
}

// "<HOST>" or "</F-USER>" at `at`; empty where none stands.
std::string_view tag_at(std::string_view text, std::size_t at) {
  if (text[at] != '<') {
    return {};
  }
  std::size_t end = at + 1;
  while (end < text.size() && is_tag_char(text[end])) {
    ++end;
  }
  if (end == at + 1 || end >= text.size() || text[end] != '>') {
    return {};
  }
  return text.substr(at, end + 1 - at);
}

// Just behind the parenthesis that closes the one at `at`.
std::size_t group_end(std::string_view text, std::size_t at, std::size_t end) {
  RegexScanner scan(text.substr(at, end - at));
  while (!scan.done()) {
    const bool closes = scan.is(')') && scan.depth() == 1;
    scan.next();
    if (closes) {
      return at + scan.at();
    }
  }
  return end;
}

std::size_t class_end(std::string_view text, std::size_t at, std::size_t end) {
  RegexScanner scan(text.substr(at, end - at));
  do {
    scan.next();
  } while (!scan.done() && scan.in_class());
  return at + scan.at();
}

// What opens a group, up to its content: "(", "(?:", "(?P<name>", "(?i:". Empty for those that
// cannot be entered.
std::string_view group_opener(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (!rest.starts_with("(?")) {
    return rest.substr(0, 1);
  }
  if (rest.starts_with("(?P<")) {
    return rest.substr(0, rest.find('>') == std::string_view::npos ? 0 : rest.find('>') + 1);
  }
  std::size_t flags = 2;
  while (flags < rest.size() &&
         ((rest[flags] >= 'a' && rest[flags] <= 'z') ||
          (rest[flags] >= 'A' && rest[flags] <= 'Z') || rest[flags] == '-')) {
    ++flags;
  }
  return flags < rest.size() && rest[flags] == ':' ? rest.substr(0, flags + 1) : std::string_view();
}

std::size_t quantifier_end(std::string_view text, std::size_t at, std::size_t end) {
  std::size_t after = at;
  if (after < end && (text[after] == '*' || text[after] == '+' || text[after] == '?')) {
    ++after;
  } else if (after < end && text[after] == '{') {
    const std::size_t close = text.find('}', after);
    const bool counts = close != std::string_view::npos && close < end && close > after + 1 &&
                        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(after) + 1,
                                    text.begin() + static_cast<std::ptrdiff_t>(close),
                                    [](char c) { return (c >= '0' && c <= '9') || c == ','; });
    after = counts ? close + 1 : after;
  }
  if (after > at && after < end && (text[after] == '?' || text[after] == '+')) {
    ++after;
  }
  return after;
}

PatternStep step_at(std::string_view text, std::size_t at, std::size_t end) {
  PatternStep step;
  step.begin = at;
  step.end = at + 1;
  step.weight = 1;
  const char c = text[at];
  if (c == '\\') {
    step.end = std::min(at + 2, end);
    // \b and \S* say little; \. is the dot itself.
    const char escaped = step.end == at + 2 ? text[at + 1] : ' ';
    step.weight = (escaped >= 'a' && escaped <= 'z') || (escaped >= 'A' && escaped <= 'Z') ? 0 : 1;
  } else if (c == '[') {
    step.end = class_end(text, at, end);
    step.weight = 0;
  } else if (c == '(') {
    step.end = group_end(text, at, end);
    step.weight = 0;
    const std::string_view opener = group_opener(text, at);
    if (!opener.empty() && step.end > at + opener.size() && text[step.end - 1] == ')') {
      step.inner = {at + opener.size(), step.end - 1, std::string(opener), ")"};
    }
  } else if (const std::string_view tag = tag_at(text, at);
             !tag.empty() && at + tag.size() <= end) {
    step.end = at + tag.size();
    step.weight = kTagWeight;
    const std::string close = "</" + std::string(tag.substr(1));
    const std::size_t closed = text.find(close, step.end);
    if (tag[1] != '/' && closed != std::string_view::npos && closed + close.size() <= end) {
      step.inner = {step.end, closed, std::string(tag), close};
      step.end = closed + close.size();
      step.weight = 0;
    }
  } else if (c == '^' || c == '$') {
    step.weight = 0;
  } else if (c == '.') {
    step.weight = 0;
    step.wildcard = true;
  }
  const std::size_t quantified = quantifier_end(text, step.end, end);
  if (quantified > step.end) {
    step.weight = step.weight == 1 ? 0 : step.weight;
  } else {
    step.wildcard = false;
  }
  step.end = quantified;
  return step;
}

}  // namespace

std::vector<std::vector<PatternStep>> pattern_steps(std::string_view text, std::size_t begin,
                                                    std::size_t end) {
  std::vector<std::vector<PatternStep>> alternatives(1);
  for (std::size_t at = begin; at < end;) {
    if (text[at] == '|') {
      alternatives.emplace_back();
      ++at;
      continue;
    }
    PatternStep step = step_at(text, at, end);
    if (step.inner) {
      // A group says what the one of its alternatives says that says least.
      std::size_t least = std::string_view::npos;
      if (step.end == step.inner->end + step.inner->close.size()) {
        for (const auto& inner : pattern_steps(text, step.inner->begin, step.inner->end)) {
          std::size_t weight = 0;
          for (const PatternStep& one : inner) {
            weight += one.weight;
          }
          least = std::min(least, weight);
        }
      }
      step.weight = least == std::string_view::npos ? 0 : least;
    }
    at = step.end;
    alternatives.back().push_back(std::move(step));
  }
  return alternatives;
}

}  // namespace warder::filter
