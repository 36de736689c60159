#pragma once

#include "filter/regex_tree.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace warder::filter {

// What an expression asks of a place in the text without matching it: (?=...), (?!...), (?<=...),
// (?<!...), \b. RE2 has only the last, and that for ASCII. Immutable, thread safe.
//
// Says for all places of a text at once where it holds: an automaton goes over the text once,
// from its end to its begin for what is ahead, from begin to end for what is behind. The time is
// that of text length times length of the expression, whatever they are.
class Guard {
 public:
  // kInvalid when the expression asks for what an automaton cannot tell (back-references, a look
  // within a look), or is too long.
  static util::Result<Guard> compile(const RegexNode& assertion);

  const RegexNode& assertion() const { return assertion_; }
  // By place: [0] is before the first character, [text.size()] behind the last.
  std::vector<bool> holds(std::u32string_view text) const;

 private:
  enum class Op : std::uint8_t { kMatch, kCharacter, kSplit, kAssert };
  struct Step {
    Op op = Op::kMatch;
    std::size_t next = 0;
    std::size_t other = 0;  // kSplit
    CharClass chars{};
    AssertKind assertion = AssertKind::kTextBegin;
    bool negative = false;
  };
  explicit Guard(RegexNode assertion) : assertion_(std::move(assertion)) {}
  // Appends the steps of `node` that go on at `next`; gives where they begin.
  util::Result<std::size_t> add(const RegexNode& node, std::size_t next);
  util::Result<std::size_t> push(Step step);

  RegexNode assertion_;
  std::vector<Step> steps_;
  std::size_t begin_ = 0;
};

}  // namespace warder::filter
