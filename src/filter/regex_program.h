#pragma once

#include "filter/regex_form.h"
#include "filter/regex_tree.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::filter {

// What expressions are searched in: a message (or several lines) with the line break that Python
// sees behind it, as the last character.
struct Subject {
  std::string_view text;
  // kAscii or kUtf8; what the text is, see make_subject().
  RegexText kind = RegexText::kAscii;
};

// A subject that owns its text.
struct OwnSubject {
  std::string text;
  RegexText kind = RegexText::kAscii;
  Subject subject() const { return {text, kind}; }
};

// Part of a subject.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// One expression of Python's language on RE2. Finds what Python's re.search() finds, with the same
// groups, in time linear in the text. Immutable, thread safe; a form is compiled when it is first
// needed, unless RE2 might refuse it: that is found by compile().
//
// How, for what RE2 lacks:
// 1. Choices about groups that are asked for are drawn out (regex_rewrite.h). What is left are
//    guards (looks) and back-references.
// 2. The expression without its guards, and with back-references as anything that their group could
//    be, matches wherever the expression does. No match of it: no match.
// 3. Where its match, the first in order of preference, keeps all guards and references, it is the
//    first match of the expression: those that come before it in that order match neither. This is
//    seen by looking at the guards' places. Nearly all lines that come here end here.
// 4. Else the text is written with marks that say where guards hold (marked_text.h), and searched
//    with the expression asking for marks. This is exact: the same ways in the same order.
// 5. Back-references: the group is held where it was found, its references to where its text stands
//    again; if that does not match, the group's place is excluded and the search goes on, at most
//    kMostTries times. It gives up where the group's begin would have to return to one left before.
class RegexProgram {
 public:
  static constexpr int kMostTries = 32;

  // kInvalid with column, reason and remedy.
  static util::Result<RegexProgram> compile(RegexTree tree);
  RegexProgram(RegexProgram&&) noexcept;
  RegexProgram& operator=(RegexProgram&&) noexcept;
  ~RegexProgram();

  // [0] is the whole match; by group of the tree, empty for those that took no part.
  using Match = std::vector<std::optional<Span>>;
  std::optional<Match> search(const Subject& subject) const;
  bool matches(const Subject& subject) const;

  const RegexTree& tree() const;

  // Has it back-references that are tried at kMostTries places at most?
  bool has_trials() const;
  // Searches that found nothing because the tries were used up, or because RE2 refused a form that
  // was needed: the text may match all the same.
  std::uint64_t gave_up() const;

 private:
  struct Parts;
  explicit RegexProgram(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Writes the two parts of a message (what stands before its date and behind) with a line break into
// `buffer`: bytes that are no UTF-8, and code points that are used as marks, as U+FFFD. The subject
// is valid as long as the buffer.
Subject make_subject(std::string_view before, std::string_view behind, std::string& buffer);
// The subject with each character beyond ASCII as one kFoldedByte, for a sieve.
void fold_subject(const Subject& subject, std::string& buffer);

}  // namespace warder::filter
