#pragma once

#include "filter/tags.h"
#include "util/result.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace warder::filter {

// What the named groups of an expression captured, in their order; views into the text matched.
using Captures = std::vector<std::pair<std::string_view, std::string_view>>;

// One failregex, ignoreregex or prefregex, compiled. Immutable, thread safe.
class TextPattern {
 public:
  // kInvalid with the reason, see expand_tags(); also for what RE2 refuses.
  static util::Result<TextPattern> compile(std::string_view text);
  TextPattern(TextPattern&&) noexcept;
  TextPattern& operator=(TextPattern&&) noexcept;
  ~TextPattern();

  // Searches `text`. On a match adds the named groups that took part; a group that `captures` holds
  // already is overwritten.
  bool match(std::string_view text, Captures& captures) const {
    return match_to(text, captures) != std::string_view::npos;
  }
  // The same, and gives where the match ends; npos when there is none.
  std::size_t match_to(std::string_view text, Captures& captures) const;
  bool matches(std::string_view text) const;

  const Expanded& expanded() const { return expanded_; }
  bool has_group(std::string_view name) const;

 private:
  TextPattern() = default;

  Expanded expanded_;
  std::unique_ptr<re2::RE2> regex_;
  std::vector<std::string> names_;  // by number of the group; empty for unnamed ones
};

// The capture of that name, empty when it took no part.
std::string_view find_capture(const Captures& captures, std::string_view name);

}  // namespace warder::filter
