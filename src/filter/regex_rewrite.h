#pragma once

#include "filter/regex_tree.h"
#include "util/result.h"

namespace warder::filter {

// Takes out of a tree what depends on what a group did, where that can be said beforehand:
//
// - (?(g)a|b): the choice whether g takes part is drawn out to where it is made, so that each of
//   its branches knows. "(?P<g>x)?y(?(g)a|b)" becomes "(?:(?P<g>x)ya|yb)".
// - (?P=g) where g can only be one of a few texts: the same, with a branch a text.
//
// Exact, preferences and captures included: leftmost-first search tries "(?:p|q)r" and "(?:pr|qr)"
// in the same order, and no other law is used. Afterwards a group can stand in several branches, of
// which one at most takes part in a match.
//
// Back-references to other groups stay. kInvalid where a group that is asked for stands within a
// repetition (which iteration is meant is not known beforehand) or where the branches are too many.
util::Status resolve_references(RegexTree& tree);

}  // namespace warder::filter
