#pragma once

#include "util/result.h"

#include <cstddef>
#include <optional>
#include <string_view>

// The parts of Python's syntax of expressions that need no tree: quantifiers, flags, names, white
// space (https://docs.python.org/3.11/library/re.html).
namespace warder::filter {

struct RegexFlags {
  bool fold = false;     // i
  bool dot_all = false;  // s
  bool lines = false;    // m
  bool ascii = false;    // a
  bool verbose = false;  // x
};

// Are the characters from `begin` up to `end` flags, one at least, as of "(?i-s:" and "(?ix)"?
// `end` may be npos.
bool are_flags(std::string_view text, std::size_t begin, std::size_t end);

// Such flags into `flags`. Errors begin with the column (regex_error()).
util::Status read_flags(std::string_view text, std::size_t begin, std::size_t end,
                        RegexFlags& flags);

struct Quantifier {
  int least = 0;  // numbers above 100,000 are read as one that is
  int most = 0;   // kNoLimit: any number
};

// "*", "+", "?" or "{2,3}" at `at`, which moves behind it. Empty, and `at` as it was, where none
// stands: "{" that begins no numbers is a character.
std::optional<Quantifier> read_quantifier(std::string_view text, std::size_t& at);

bool is_group_name(std::string_view name);

// What (?x) passes over at `at`: white space, and comments up to the end of their line.
void skip_verbose(std::string_view text, std::size_t& at);

}  // namespace warder::filter
