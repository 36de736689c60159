#include "engine/date_guess.h"

#include "util/strings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace warder::engine {
namespace {

constexpr std::size_t kSearched = 80;
constexpr std::size_t kLongestSeparator = 3;
constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A run of digits or of letters.
struct Word {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool number = false;
  int value = 0;
  std::size_t size() const { return end - begin; }
};

std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < line.size();) {
    const bool number = is_digit(line[i]);
    if (!number && !is_letter(line[i])) {
      ++i;
      continue;
    }
    Word word{i, i, number, 0};
    while (i < line.size() && (number ? is_digit(line[i]) : is_letter(line[i]))) {
      word.value = number ? std::min(word.value * 10 + (line[i] - '0'), 100'000'000) : 0;
      ++i;
    }
    word.end = i;
    words.push_back(word);
  }
  return words;
}

bool is_month_name(std::string_view line, const Word& word) {
  return !word.number && word.size() == 3 &&
         std::find(kMonths.begin(), kMonths.end(),
                   util::to_lower(line.substr(word.begin, word.size()))) != kMonths.end();
}

bool within(const Word& word, int low, int high) {
  return word.number && word.size() <= 2 && word.value >= low && word.value <= high;
}

bool is_year(const Word& word) { return word.number && word.size() == 4 && word.value >= 1990; }

// The tokens of three words in a row that can be a date.
std::optional<std::array<std::string_view, 3>> date_tokens(std::string_view line, const Word& a,
                                                           const Word& b, const Word& c) {
  if (is_year(a) && within(b, 1, 12) && within(c, 1, 31)) {
    return std::array<std::string_view, 3>{"%Y", "%m", "%d"};
  }
  if (is_year(a) && is_month_name(line, b) && within(c, 1, 31)) {
    return std::array<std::string_view, 3>{"%Y", "%b", "%d"};
  }
  if (within(a, 1, 31) && is_month_name(line, b) && is_year(c)) {
    return std::array<std::string_view, 3>{"%d", "%b", "%Y"};
  }
  if (is_month_name(line, a) && within(b, 1, 31) && is_year(c)) {
    return std::array<std::string_view, 3>{"%b", "%d", "%Y"};
  }
  if (within(a, 1, 31) && within(b, 1, 12) && is_year(c)) {
    return std::array<std::string_view, 3>{"%d", "%m", "%Y"};
  }
  if (within(a, 1, 12) && within(b, 13, 31) && is_year(c)) {
    return std::array<std::string_view, 3>{"%m", "%d", "%Y"};
  }
  if (within(a, 1, 31) && within(b, 1, 12) && within(c, 0, 99) && c.size() == 2 && a.size() == 2) {
    return std::array<std::string_view, 3>{"%d", "%m", "%y"};
  }
  return std::nullopt;
}

void append_separator(std::string_view separator, std::string& pattern) {
  constexpr std::string_view kSpecial = "\\.^$*+?()[]{}|";
  for (const char c : separator) {
    if (kSpecial.find(c) != std::string_view::npos) {
      pattern += '\\';
    }
    pattern += c == '%' ? "%%" : std::string(1, c);
  }
}

}  // namespace

std::string guess_datepattern(std::string_view line) {
  line = line.substr(0, kSearched);
  const std::vector<Word> words = words_of(line);
  for (std::size_t i = 0; i + 5 < words.size(); ++i) {
    const auto date = date_tokens(line, words[i], words[i + 1], words[i + 2]);
    if (!date || !within(words[i + 3], 0, 23) || !within(words[i + 4], 0, 59) ||
        !within(words[i + 5], 0, 61)) {
      continue;
    }
    const std::array<std::string_view, 6> tokens{(*date)[0], (*date)[1], (*date)[2],
                                                 "%H",       "%M",       "%S"};
    std::string pattern(words[i].begin == 0 ? "^" : "");
    bool joined = true;
    for (std::size_t k = 0; k < tokens.size(); ++k) {
      if (k > 0) {
        const std::size_t from = words[i + k - 1].end;
        const std::size_t length = words[i + k].begin - from;
        joined = joined && length <= kLongestSeparator;
        append_separator(line.substr(from, length), pattern);
      }
      pattern += tokens[k];
    }
    if (joined) {
      return pattern;
    }
  }
  return {};
}

}  // namespace warder::engine
