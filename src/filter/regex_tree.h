#pragma once

#include "filter/char_class.h"
#include "filter/text_options.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

enum class NodeKind : std::uint8_t {
  kEmpty,
  kClass,          // one character of `chars`
  kConcat,         // kids one after the other
  kAlternate,      // one of the kids, the first that leads to a match
  kRepeat,         // kids[0], `least` to `most` times
  kCapture,        // kids[0], remembered as group `group`
  kTag,            // kids[0], written as a tag that stands for an address: `run` is its coarse form
  kAssert,         // nothing, at a place of a kind; looks have what they look for in kids[0]
  kBackReference,  // what group `group` captured
  kConditional,    // kids[0] if group `group` took part, else kids[1]
};

enum class AssertKind : std::uint8_t {
  kTextBegin,     // ^ \A
  kTextEnd,       // $: the end, or before a line break there
  kLineBegin,     // ^ of several lines
  kLineEnd,       // $ of several lines
  kVeryEnd,       // \Z
  kWordBoundary,  // \b, negative: \B
  kAhead,         // (?=...), negative: (?!...)
  kBehind,        // (?<=...), negative: (?<!...)
};

inline constexpr int kNoLimit = -1;

// A regular expression of a filter. Plain value.
struct RegexNode {
  NodeKind kind = NodeKind::kEmpty;
  AssertKind assertion = AssertKind::kTextBegin;
  bool negative = false;  // of an assertion
  bool lazy = false;      // of a repetition
  bool fold = false;      // of a back-reference: letters in any case
  int least = 0;
  int most = 0;
  std::size_t group = 0;
  std::size_t at = 0;  // offset in the text, for messages
  CharClass chars;
  std::string run;
  std::vector<RegexNode> kids;

  friend bool operator==(const RegexNode& a, const RegexNode& b);
};

struct RegexTree {
  RegexNode root;
  // By group; [0] is the whole match. Empty for groups without a name.
  std::vector<std::string> names;
  // What is written as the option of a filter and stands for itself: "<script>".
  std::vector<std::string> unknown_tags;

  bool has_group(std::string_view name) const;
};

// Whether <HOST> may be a name (reference/fail2ban-compat.md 11.1).
enum class HostTag : std::uint8_t { kAddress, kAddressOrName };

struct RegexDialect {
  HostTag host = HostTag::kAddress;
  // maxlines > 1: ^ and $ are those of each line, and <SKIPLINES> is known.
  bool lines = false;
  UnknownTags unknown_tags = UnknownTags::kRefuse;
};

// Reads an expression as Python's `re` does, with the tags of fail2ban written out as
// reference/fail2ban-compat.md 11.1 to 11.3 say. kInvalid names the column and the remedy: what is
// wrong in itself, two groups of one name, atomic groups and possessive quantifiers (which commit
// to a choice, and RE2 never takes one back), repetitions above 1000, <name> of an option that the
// filter does not have, unless that is text. Where it is certain what to write instead, the message
// ends with the whole expression as it would be read.
util::Result<RegexTree> parse_regex(std::string_view text, const RegexDialect& dialect);

// Is it wrong in itself, so that Python refuses it as well? False for what can be read, and for
// what is refused because it is more than can be had here.
bool is_wrong_regex(std::string_view text, const RegexDialect& dialect);

// The least and most characters that a match of `node` takes; kNoLimit when there is no most.
std::size_t least_length(const RegexNode& node);
int most_length(const RegexNode& node);

std::size_t count_nodes(const RegexNode& node);

// What RE2 makes of a node at most, with counts written out: upper bounds.
struct RegexWeight {
  std::size_t instructions = 1;
  std::size_t rounds = 1;  // the product of counts that are nested in each other
  std::size_t groups = 0;
};
RegexWeight weigh(const RegexNode& node);

// kInvalid "column N: WHAT".
util::Error regex_error(std::size_t at, std::string_view what);

// The node alone; copying one copies everything below it.
RegexNode without_kids(const RegexNode& node);
// The node with other kids, without a copy of those that it has.
template <typename Change>
RegexNode with_kids(const RegexNode& node, const Change& change) {
  RegexNode result = without_kids(node);
  result.kids.reserve(node.kids.size());
  for (const RegexNode& kid : node.kids) {
    result.kids.push_back(change(kid));
  }
  return result;
}
RegexNode make_concat(std::vector<RegexNode> kids);
RegexNode make_alternate(std::vector<RegexNode> kids);

}  // namespace warder::filter
