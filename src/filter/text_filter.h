#pragma once

#include "filter/date_recipe.h"
#include "filter/definition.h"
#include "filter/pattern.h"
#include "filter/text_pattern.h"
#include "filter/text_prefix.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::filter {

// A `format = text` filter, compiled: what failregex, prefregex, ignoreregex and datepattern of
// [Definition] say. Immutable, shared between matchers and threads.
class TextFilter {
 public:
  // Adds all that is wrong to `problems` and gives null when anything was.
  static std::shared_ptr<const TextFilter> compile(const Definition& definition,
                                                   Problems& problems);

  // The failregexes in their order; the first that matches decides.
  const std::vector<Pattern>& patterns() const { return patterns_; }
  const std::vector<TextPattern>& fail() const { return fail_; }
  const std::vector<TextPattern>& ignore() const { return ignore_; }
  // Null when there is no prefregex.
  const TextPrefix* prefix() const { return prefix_ ? &*prefix_ : nullptr; }
  // As the operator wrote it; empty when there is none.
  const std::string& prefix_text() const { return prefix_text_; }
  const DateRecipe& dates() const { return dates_; }
  // One a failregex: the message can only match if its sieve does (tags.h).
  const std::vector<std::string>& sieves() const { return sieves_; }

 private:
  TextFilter() = default;

  std::vector<Pattern> patterns_;
  std::vector<TextPattern> fail_;
  std::vector<TextPattern> ignore_;
  std::optional<TextPrefix> prefix_;
  std::string prefix_text_;
  DateRecipe dates_;
  std::vector<std::string> sieves_;
};

}  // namespace warder::filter
