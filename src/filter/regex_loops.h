#pragma once

#include "filter/regex_tree.h"
#include "util/result.h"

namespace warder::filter {

// Refuses repetitions in which an alternative that takes no character, as a look, comes before one
// that takes some: (?:(?!x)|y)*. Python leaves a repetition after a round without a character; RE2
// goes on to the alternatives behind it, so that both may find other groups. Where it comes last,
// as in
// (?:y|(?!x))*, both do the same. kInvalid names the column and the remedy.
//
// Alternatives that need not take one, as in (?:a?|b)* and (?:a??)*, are let through: filters have
// them where what follows allows one way only, and then both do the same, too.
util::Status check_loops(const RegexNode& node);

}  // namespace warder::filter
