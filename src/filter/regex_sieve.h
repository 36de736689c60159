#pragma once

#include "filter/regex_tree.h"

#include <optional>
#include <string>
#include <vector>

namespace warder::filter {

// Coarse forms of expressions for a sieve (sieve.h) over folded text: each matches wherever its
// expression does, and more.

std::string print_sieve(const RegexTree& tree);
// The same of an expression that is searched for in the content of a prefix, with the prefix.
std::string print_sieve(const RegexTree& prefix, const RegexTree& tree);

// For an expression that is searched for in a window, the last lines of a log joined by line breaks
// (line_window.h). Where it did not match before the newest line came, it can match now only if one
// of these does in the newest line alone, its line break included. For such a match takes of that
// line: it lies within, or a part of it that follows a line break stands at the line's begin. A
// match that takes nothing of the line was there before, because nothing in it tells the lines
// around: nothing when the expression looks back, or ahead over a line break, or behind its last
// one, or asks for the begin or end of the whole text, or can be of nothing.
std::optional<std::vector<std::string>> print_newest_line_sieves(const RegexTree& tree);

// Can it match at the begin of a text only?
bool begins_with_anchor(const RegexNode& node);

}  // namespace warder::filter
