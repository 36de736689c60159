#pragma once

#include "filter/char_class.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// Marks: characters that no text has, written between those of a text, to tell an expression where
// guards hold: before each character and at the end one for each guard that holds there. An
// expression for such a text skips marks before each character that it takes, and asks a guard by
// asking for its mark: so RE2, which cannot look around, goes the same ways in the same order as an
// engine that can.
//
// The marks of a place stand there several times, because guards can be asked one after the other
// at one place, in any order: each takes marks up to its own.

// Any marks, none too.
std::string any_marks(RegexText text);
// Marks up to that of `guard`, saying that it holds.
std::string mark_that_holds(std::size_t guard, RegexText text);
inline constexpr std::size_t kMostGuards = 60;

// The characters of a text that is as the kind says: 7-bit, or valid UTF-8.
std::u32string decode_text(std::string_view text);

class MarkedText {
 public:
  // `holds` says where each guard holds, by guard and place; `text` has no characters from
  // kFirstMark on. The marks stand `asks` times, up to kMostCopies.
  static constexpr std::size_t kMostCopies = 8;
  MarkedText(std::string_view text, const std::vector<std::vector<bool>>& holds, RegexText kind,
             std::size_t asks);

  std::string_view text() const { return marked_; }
  // Where in the text a place of the marked text is.
  std::size_t place(std::size_t marked) const;

 private:
  std::string marked_;
  std::vector<std::size_t> ends_;    // of characters, in the marked text
  std::vector<std::size_t> places_;  // before characters, in the text; the last is its end
};

}  // namespace warder::filter
