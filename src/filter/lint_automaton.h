#pragma once

#include "filter/regex_tree.h"
#include "util/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// What single characters a state of an automaton reads: ASCII, and beyond it one symbol for each
// kind of character that classes tell apart (digits, letters, blanks, the rest). A line break is in
// none, since a line has none.
class Symbols {
 public:
  static constexpr std::size_t kBeyondAscii = 128;
  // One of each kind, with its UTF-8.
  struct Example {
    char32_t character;
    std::string_view bytes;
  };
  static constexpr std::array<Example, 4> kExamples{
      {{0x663, "\xd9\xa3"}, {0xe9, "\xc3\xa9"}, {0xa0, "\xc2\xa0"}, {0x20ac, "\xe2\x82\xac"}}};
  static constexpr std::size_t kCount = kBeyondAscii + kExamples.size();

  static Symbols any();
  static Symbols of(const CharClass& chars);

  void add(std::size_t symbol) { words_[symbol / 64] |= std::uint64_t{1} << symbol % 64; }
  void add(const Symbols& other);
  bool has(std::size_t symbol) const { return (words_[symbol / 64] >> symbol % 64 & 1) != 0; }
  bool meets(const Symbols& other) const {
    return ((words_[0] & other.words_[0]) | (words_[1] & other.words_[1]) |
            (words_[2] & other.words_[2])) != 0;
  }
  Symbols both(const Symbols& other) const;

 private:
  std::array<std::uint64_t, 3> words_{};
};

// What a reading of a line takes a character for; bits.
inline constexpr std::uint8_t kAddressMark = 1;  // of the address: ip4, ip6, dns, fid
inline constexpr std::uint8_t kLengthMark = 2;   // of the prefix length: cidr
inline constexpr std::uint8_t kSessionMark = 4;  // of the session's name: mlfid

// How the fields of a line are taken: what stands where a pattern has a repetition of a wide class
// or a tag. lint.md tells which repetitions are fields.
enum class Fields : std::uint8_t {
  kAsWritten,  // they hold what the pattern says
  kAnything,   // they hold whatever an attacker likes
};

// How addresses are taken.
enum class Addresses : std::uint8_t {
  kCoarse,  // as runs of their characters: a superset, with far fewer states
  kExact,   // what is an address; other text that a tag matches names nobody
};

// A failregex (or ignoreregex) within its prefregex, for the lint.
struct LintPattern {
  std::size_t index = 0;  // for the caller
  const RegexTree* tree = nullptr;
  const RegexTree* prefix = nullptr;  // null: it is searched in the whole message
};

// All whole messages that some of a filter's patterns match, each with the readings that lead to a
// match: a nondeterministic automaton without empty steps. It over-approximates: looks, \b and
// back-references are taken to hold, and the order of preference is left out. Immutable.
class Automaton {
 public:
  struct State {
    Symbols symbols;
    std::uint8_t marks = 0;
    bool field = false;   // part of a field that is not kept
    bool around = false;  // what stands before and behind of what the pattern asks for
    std::vector<std::uint32_t> next;
    std::vector<std::uint32_t> ends;  // LintPattern::index of those that may end behind it
  };
  static constexpr std::size_t kMostStates = 20'000;

  // `kept` are repetitions that are taken as they are written whatever `fields` says. kInvalid when
  // the automaton is too large.
  static util::Result<Automaton> build(const std::vector<LintPattern>& patterns, Fields fields,
                                       Addresses addresses, const std::vector<RegexNode>& kept);

  const std::vector<State>& states() const { return states_; }
  // The states that read the first character of a message.
  const std::vector<std::uint32_t>& begin() const { return begin_; }

 private:
  friend class AutomatonBuilder;
  std::vector<State> states_;
  std::vector<std::uint32_t> begin_;
};

// Does a group of that name say who is banned, or whose session a line is of? Its marks, else 0.
std::uint8_t marks_of_group(const std::string& name);

// Is the repetition a field, so that what stands there may come from outside? `tagged`: within a
// free tag (<F-USER>).
bool is_field(const RegexNode& repeat, bool tagged);

}  // namespace warder::filter
