#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::filter {

// How an expression is written for RE2, by what the text is that it will be searched in.
enum class RegexText {
  kAscii,   // 7-bit bytes only. Patterns see nearly every line of nearly every log this way
  kUtf8,    // valid UTF-8 with Python's idea of letters, digits and blanks
  kFolded,  // bytes, each character beyond ASCII become one kFoldedByte: for sieves
};

// Stands in a folded text for every character that is not ASCII.
inline constexpr char kFoldedByte = '\xff';

// From here on code points are no characters of a text but marks between them (marked_text.h).
inline constexpr char32_t kFirstMark = 0x10FF00;

// What single characters an expression allows at a place: Python's classes, of code points, not of
// bytes. Plain value.
//
// Beyond ASCII a class knows four kinds of characters (digits, other word characters, blanks, the
// rest) and single ranges. On ASCII text Python's and RE2's classes are equal but for \s, which is
// written out.
class CharClass {
 public:
  static CharClass any();
  static CharClass single(char32_t c);
  static CharClass range(char32_t first, char32_t last);
  // 'w', 'd', 's' or their negations 'W', 'D', 'S'; `ascii` as under (?a).
  static CharClass category(char letter, bool ascii);

  void add(const CharClass& other);
  void negate();
  // Letters in both cases; before negate().
  void fold_case();

  bool matches(char32_t c) const;
  bool matches_ascii(unsigned char c) const { return ascii_[c]; }
  // The one ASCII character that it allows, -1 when there are none or more.
  int only_character() const;
  // The same beyond ASCII.
  std::optional<char32_t> single_beyond_ascii() const;
  bool beyond_ascii() const;
  // Ranges in which ASCII text is printed, of what is allowed or of what is not; at least one.
  std::size_t ranges() const;
  // The class as RE2 reads it. With `marks`, marks are not in it whatever it allows.
  std::string print(RegexText text, bool marks) const;

  friend bool operator==(const CharClass&, const CharClass&) = default;

 private:
  enum Kind : std::size_t { kDigit, kLetter, kBlank, kRest };
  std::string print_ascii(RegexText text, bool marks) const;
  std::string print_utf8() const;

  std::bitset<128> ascii_;
  std::bitset<4> kinds_;
  std::vector<std::pair<char32_t, char32_t>> extra_;  // beyond ASCII
  bool without_extra_ = false;                        // `extra_` is taken away, not added
  bool fold_ = false;
};

// Python's \w, of one code point.
bool is_word_character(char32_t c);

// One character as itself in a regular expression.
std::string quote_character(char32_t c);

// The code point at `at`, and how many bytes it takes; 0 bytes when there is no valid one.
std::pair<char32_t, std::size_t> decode_utf8(std::string_view text, std::size_t at);
void append_utf8(std::string& out, char32_t c);

}  // namespace warder::filter
