#pragma once

#include "filter/regex_tree.h"
#include "util/result.h"

namespace warder::filter {

// Writes repetitions whose rounds may take no character, (?:a?|b)*, so that each round takes one.
//
// Why: Python accepts a round without a character and leaves the repetition with it. RE2 comes to a
// place in its program once for each place of the text, so that it drops such a round where another
// way has been there before, and goes on to what the round prefers less: it finds other groups, or
// a longer match. Where every round takes a character, no way comes to a place twice, and both do
// the same.
//
// How: a round is a list of ways in order of preference, each of which takes characters (A) or none
// (E, which may depend on assertions). With A1, E, A2 Python tries at each place: A1 and another
// round; E and what follows the repetition; A2 and another round. That is
//
//     A1*(?:A2A1*)*?E                                 (?:a?|b)*  is  a*(?:ba*)*?
//     (?:A1|(?!E)A2)*(?:E A2(?:A1|(?!E)A2)*)*?(?:E|)  where E may not hold: (?:(?!x)|y)*
//
// and E can be left out where it captures nothing. A lazy repetition never gets anywhere by a round
// without a character: what follows it has just been tried at that place. Bounded ones are written
// out, round by round, where an E matters: A1(next)|E|A2(next).
//
// Exact, captures included; afterwards a group can stand in several places, and what it captured
// last is what it captured furthest behind. What is only looked for is left as it is: only whether
// it matches counts there.
//
// For a tree without conditions (resolve_references()). kInvalid with column and remedy where the
// result is too large, or where a back-reference stands in the round that may be of nothing.
util::Status fill_rounds(RegexTree& tree);

}  // namespace warder::filter
