#pragma once

#include "filter/filter.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace warder::filter {

// How far a line got that nothing matched: the pattern that came nearest, and where it stopped. All
// texts are from the log or the filter as they stand, possibly hostile.
struct NearMiss {
  // Index in Filter::patterns(); nothing when the filter's prefregex stopped the line.
  std::optional<std::size_t> pattern;
  // Text filters: the expression as the operator wrote it, and the byte in it from which on nothing
  // of the line fitted any more.
  std::string expression;
  std::size_t expression_at = 0;
  // What was searched (the line without its date, or what the prefregex left of it), and the byte
  // up to which it fitted.
  std::string text;
  std::size_t text_at = 0;
  // So many blanks in front of what was searched, left where the date stood, are in the way:
  // without them the expression gets as far as the members above say.
  std::size_t blanks = 0;
  // JSON filters: the first comparison that failed and what the field holds instead:
  // `status == 401: it is 200`.
  std::string failed;
  // How much fitted: fixed characters of the expression, or comparisons that held. Only to compare
  // the misses of one filter.
  std::size_t score = 0;
};

// The same in half a sentence, for an error: "stops at '<HOST>$' before 'host.example'". Empty
// when all of the expression fits, and the finding was refused for another reason.
std::string in_words(const NearMiss& miss);

// Explains misses to people: `warder test` and `warder doctor`, never the way of a line. It tries
// beginnings of the patterns, cut between their elements, and finds the longest one that still
// matches. An explanation costs some ten searches a pattern, and compiles as many expressions when
// it meets a kind of line for the first time; both are linear in the line. Memory is bounded. One
// thread.
class MissExplainer {
 public:
  explicit MissExplainer(std::shared_ptr<const Filter> filter);
  ~MissExplainer();
  MissExplainer(MissExplainer&&) noexcept;
  MissExplainer& operator=(MissExplainer&&) noexcept;

  // `line` must be one that no pattern matches. Nothing when no pattern comes near it at all, or
  // the line of a JSON log is none.
  std::optional<NearMiss> explain(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::filter
