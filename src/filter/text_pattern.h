#pragma once

#include "filter/regex_program.h"
#include "filter/regex_tree.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::filter {

// What the named groups of an expression captured, in their order; views into the text matched.
using Captures = std::vector<std::pair<std::string_view, std::string_view>>;

// One failregex, ignoreregex or prefregex, compiled. Immutable, thread safe.
class TextPattern {
 public:
  // kInvalid with the reason, see parse_regex() and RegexProgram::compile().
  static util::Result<TextPattern> compile(std::string_view text, const RegexDialect& dialect);
  static util::Result<TextPattern> compile(RegexTree tree);

  // Searches the text. On a match adds the named groups that took part; a group that `captures`
  // holds already is overwritten. The line break that ends the subject is in no capture.
  bool match(const Subject& subject, Captures& captures) const {
    return match_span(subject, captures).has_value();
  }
  // The same, and gives what matched.
  std::optional<Span> match_span(const Subject& subject, Captures& captures) const;
  bool matches(const Subject& subject) const { return program_.matches(subject); }

  // See RegexProgram.
  bool has_trials() const { return program_.has_trials(); }
  std::uint64_t gave_up() const { return program_.gave_up(); }

  // As written.
  const RegexTree& tree() const { return tree_; }
  bool has_group(std::string_view name) const { return tree_.has_group(name); }

 private:
  TextPattern(RegexTree tree, RegexProgram program)
      : tree_(std::move(tree)), program_(std::move(program)) {}

  RegexTree tree_;
  RegexProgram program_;
};

// The capture of that name, empty when it took no part.
std::string_view find_capture(const Captures& captures, std::string_view name);
void set_capture(Captures& captures, std::string_view name, std::string_view value);

}  // namespace warder::filter
