#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// One element of an expression with its quantifier: a character, an escape, a class, a tag or a
// group.
struct PatternStep {
  std::size_t begin = 0;  // in the whole expression
  std::size_t end = 0;
  // Of a group that can be entered: what stands between its parentheses, and how to open and close
  // it again. Look-around and the like cannot.
  struct Inner {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string open;
    std::string close;
  };
  std::optional<Inner> inner;
  bool wildcard = false;   // `.*` and its like: says nothing about the line
  std::size_t weight = 0;  // how much it says: characters that are fixed by it
};

// The alternatives (between `|`) of text[begin, end), each as its elements in order. Follows what
// parse_regex() takes; of what that would refuse it makes elements too, which then do not compile.
std::vector<std::vector<PatternStep>> pattern_steps(std::string_view text, std::size_t begin,
                                                    std::size_t end);

}  // namespace warder::filter
