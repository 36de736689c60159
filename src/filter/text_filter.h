#pragma once

#include "filter/date_recipe.h"
#include "filter/definition.h"
#include "filter/pattern.h"
#include "filter/text_options.h"
#include "filter/text_pattern.h"
#include "filter/text_prefix.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// A `format = text` filter, compiled: what failregex, prefregex, ignoreregex and datepattern of
// [Definition] say. Immutable, shared between matchers and threads.
class TextFilter {
 public:
  // Adds all that is wrong to `problems` and gives null when anything was.
  static std::shared_ptr<const TextFilter> compile(const Definition& definition,
                                                   const TextOptions& options, Problems& problems);

  // Would Python and fail2ban refuse its expressions, too (wrong_filter.h)?
  static bool is_wrong(const Definition& definition, const TextOptions& options);

  // The failregexes in their order; the first that matches decides.
  const std::vector<Pattern>& patterns() const { return patterns_; }
  const std::vector<TextPattern>& fail() const { return fail_; }
  const std::vector<TextPattern>& ignore() const { return ignore_; }
  // Null when there is no prefregex.
  const TextPrefix* prefix() const { return prefix_ ? &*prefix_ : nullptr; }
  // As the operator wrote it; empty when there is none.
  const std::string& prefix_text() const { return prefix_text_; }
  const DateRecipe& dates() const { return dates_; }
  // For explanations, one line at a time: the line without its date, and what the prefix leaves of
  // such a message to the failregexes (nothing where it does not match).
  OwnSubject message_of(std::string_view line) const;
  std::optional<OwnSubject> content_of(const OwnSubject& message) const;
  const TextOptions& options() const { return options_; }
  // How many messages are searched together; more than one where the expressions go over line
  // breaks.
  std::size_t lines() const { return lines_; }
  // How its failregexes were read.
  const RegexDialect& dialect() const { return dialect_; }
  // One line: one a failregex: the folded message can only match if its sieve does
  // (regex_sieve.h). Several: none, or those of which one has to match in the newest message when
  // the window did not match before it came.
  const std::vector<std::string>& sieves() const { return sieves_; }

  // Expressions whose search was given up (RegexProgram::gave_up()) since the filter was loaded, by
  // all who share it: a line may have been missed.
  struct GivenUp {
    std::string expression;
    std::uint64_t searches = 0;
  };
  std::vector<GivenUp> gave_up() const;

 private:
  TextFilter() = default;
  void add_sieves();

  std::vector<Pattern> patterns_;
  std::vector<TextPattern> fail_;
  std::vector<TextPattern> ignore_;
  std::optional<TextPrefix> prefix_;
  std::string prefix_text_;
  DateRecipe dates_;
  TextOptions options_;
  std::size_t lines_ = 1;
  RegexDialect dialect_;
  std::vector<std::string> sieves_;
};

}  // namespace warder::filter
