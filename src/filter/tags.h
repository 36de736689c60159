#pragma once

#include "util/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace warder::filter {

// A regular expression of a filter with its tags (<HOST>, <F-USER>...) written out, in two forms.
// Tags become named groups as in reference/fail2ban-compat.md 11.1 and 11.2: `ip4`, `ip6`, `dns`,
// `cidr`, `fid`, `fport`, and the lower-cased name of a free tag (with - as _). <HOST> is <ADDR>:
// names are not resolved (usedns = no).
struct Expanded {
  // What decides and captures.
  std::string exact;
  // Matches whatever `exact` matches and perhaps more, with fewer states: addresses are runs of
  // their characters, word boundaries are left out. Only to find out which patterns are worth a
  // try.
  std::string sieve;
  // The <F-CONTENT> group within `sieve`, its parentheses included. Empty when there is none, or
  // more than one.
  std::optional<std::size_t> content_begin;
  std::optional<std::size_t> content_end;
};

// kInvalid for a construct that RE2 does not have (look-around, back-references, conditional and
// atomic groups, possessive quantifiers) and for tags that are not supported (SKIPLINES, F-TUPLE):
// the text names it, its column, and a way to say it otherwise.
util::Result<Expanded> expand_tags(std::string_view text);

// The sieve of a pattern that is searched within the content of a prefix: the prefix's sieve with
// the content replaced by the pattern's. Empty when the pattern has anchors or alternatives at
// places where that would lose matches; the prefix's own sieve has to do then.
std::optional<std::string> join_sieves(const Expanded& prefix, const Expanded& pattern);

// Can the sieve match at the begin of a text only?
bool begins_with_anchor(std::string_view sieve);

}  // namespace warder::filter
