#pragma once

#include "filter/regex_tree.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace warder::filter {

// What a group of a written expression is there for.
struct FormGroup {
  enum class Role : std::uint8_t {
    kGroup,      // `number` of the tree
    kReference,  // stands for what group `number` captured: to be compared
    kPlace,      // of guard `number`; empty
    kRounds,     // of a repetition with guards in it: all its rounds
  };
  Role role = Role::kGroup;
  std::size_t number = 0;
};

// A guard within a repetition: in a match whose rounds take [begin, end) it was asked at places
// from begin + head to end - tail at most.
struct RoundsCheck {
  std::size_t form_group = 0;
  std::size_t guard = 0;
  std::size_t head = 0;
  std::size_t tail = 0;
};

// An expression as RE2 reads it.
struct RegexForm {
  std::string regex;
  std::vector<FormGroup> groups;  // by number of RE2's groups, [0] is the whole match
  std::vector<RoundsCheck> rounds;
  // Marked: how often it can ask at one place.
  std::size_t asks = 0;
};

// Which assertions RE2 is not asked for itself.
enum class GuardScope : std::uint8_t {
  kLooks,       // what is ahead and behind
  kAndBorders,  // \b too: RE2 knows it for ASCII only, and not between marks
};

// Those assertions, each once.
std::vector<RegexNode> find_guards(const RegexNode& root, GuardScope scope);

// Without its guards, but with groups that tell where they were asked: matches wherever the
// expression does and perhaps more. Back-references are whatever their groups could capture.
RegexForm print_plain(const RegexTree& tree, const std::vector<RegexNode>& guards, RegexText text);
// Do marks say where groups and the references to them may be, too?
enum class Steering : std::uint8_t { kNo, kYes };
// For a text with marks between its characters (marked_text.h), that say where `guards`
// (kAndBorders) hold: matches exactly what the expression does, but for back-references. With
// kYes the marks of those follow the guards': see ReferenceMark.
RegexForm print_marked(const RegexTree& tree, const std::vector<RegexNode>& guards, RegexText text,
                       Steering steering);

// What may be asked for at the places of a group that back-references compare with, and of these
// references. The group is taken only [from a free begin], or [from the bound begin to an allowed
// end]; a reference only [from a reference's begin to a reference's end].
enum class ReferenceMark : std::size_t {
  kFreeBegin,
  kBoundBegin,
  kAllowedEnd,
  kReferenceBegin,
  kReferenceEnd,
};
inline constexpr std::size_t kReferenceMarks = 5;
// The groups that are compared with, in the order of their marks: kReferenceMarks each.
std::vector<std::size_t> find_referenced(const RegexNode& root);

// With what back-references of `root` could be in their places: numbers of groups mean nothing in
// another tree.
RegexNode without_references(const RegexNode& node, const RegexNode& root);

// Coarse, for folded text: without captures and guards, with addresses as runs of their characters;
// matches wherever the expression does and more (regex_sieve.h).
std::string print_coarse(const RegexNode& root);

}  // namespace warder::filter
