#include "filter/regex_syntax.h"

#include "filter/regex_tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace warder::filter {
namespace {

constexpr int kLargestNumber = 100'001;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Empty when there is none.
std::optional<int> read_number(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  int value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    value = std::min(kLargestNumber, value * 10 + (text[at] - '0'));
  }
  return at == begin ? std::nullopt : std::optional<int>(value);
}

}  // namespace

bool are_flags(std::string_view text, std::size_t begin, std::size_t end) {
  return end != std::string_view::npos && end > begin &&
         text.substr(begin, end - begin).find_first_not_of("aiLmsux-") == std::string_view::npos;
}

util::Status read_flags(std::string_view text, std::size_t begin, std::size_t end,
                        RegexFlags& flags) {
  bool on = true;
  for (std::size_t at = begin; at < end; ++at) {
    switch (text[at]) {
      case '-':
        on = false;
        break;
      case 'i':
        flags.fold = on;
        break;
      case 's':
        flags.dot_all = on;
        break;
      case 'm':
        flags.lines = on;
        break;
      case 'a':
        flags.ascii = on;
        break;
      case 'x':
        flags.verbose = on;
        break;
      case 'u':
        break;
      default:
        return regex_error(at, fmt::format("the flag '{}' is for bytes, and lines are text; leave "
                                           "it out (allowed are a, i, m, s, u, x)",
                                           text[at]));
    }
  }
  return {};
}

std::optional<Quantifier> read_quantifier(std::string_view text, std::size_t& at) {
  if (at >= text.size()) {
    return std::nullopt;
  }
  switch (text[at]) {
    case '*':
      ++at;
      return Quantifier{0, kNoLimit};
    case '+':
      ++at;
      return Quantifier{1, kNoLimit};
    case '?':
      ++at;
      return Quantifier{0, 1};
    case '{':
      break;
    default:
      return std::nullopt;
  }
  std::size_t end = at + 1;
  const std::optional<int> first = read_number(text, end);
  std::optional<int> second = first;
  if (end < text.size() && text[end] == ',') {
    ++end;
    second = read_number(text, end).value_or(kNoLimit);
  } else if (!first) {
    return std::nullopt;
  }
  if (end >= text.size() || text[end] != '}') {
    return std::nullopt;
  }
  at = end + 1;
  return Quantifier{first.value_or(0), *second};
}

bool is_group_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
  });
}

void skip_verbose(std::string_view text, std::size_t& at) {
  constexpr std::string_view kBlanks = " \t\n\r\v\f";
  for (; at < text.size(); ++at) {
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size() - 1);
    } else if (kBlanks.find(text[at]) == std::string_view::npos) {
      return;
    }
  }
}

}  // namespace warder::filter
