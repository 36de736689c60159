#pragma once

#include "filter/text_pattern.h"
#include "util/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace warder::filter {

// A prefregex: what each message of a log begins with, and which part of it the failregexes are
// searched in. Immutable, thread safe.
class TextPrefix {
 public:
  // As TextPattern::compile().
  static util::Result<TextPrefix> compile(std::string_view text, const RegexDialect& dialect);

  // What the prefix leaves to the failregexes (its <F-CONTENT>, all if that is empty or there is
  // none); empty when it does not match. Adds its groups to `captures`. The result views into the
  // message or into `buffer`.
  std::optional<Subject> match(const Subject& message, Captures& captures,
                               std::string& buffer) const;

  const TextPattern& pattern() const { return pattern_; }

 private:
  explicit TextPrefix(TextPattern pattern) : pattern_(std::move(pattern)) {}

  TextPattern pattern_;
  // What stands before a final `<F-CONTENT>.+</F-CONTENT>$`. Nearly every prefix ends like that,
  // and then what is left of the line needs no expression to be found.
  std::optional<TextPattern> head_;
};

}  // namespace warder::filter
