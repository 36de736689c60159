#pragma once

#include "filter/char_class.h"
#include "util/result.h"

#include <cstddef>
#include <string_view>

// How Python writes characters in an expression: one as it is, an escape, a set in brackets
// (https://docs.python.org/3.11/library/re.html). Each reads from `at` on and moves it behind what
// it has read; errors begin with the column (regex_error()). `ascii`: \w, \d and \s know ASCII
// only.
namespace warder::filter {

// One code point; a byte that begins none stands for U+FFFD. There must be one.
char32_t read_character(std::string_view text, std::size_t& at);

// An escape that stands for characters, in a set or outside of one: \d, \x41, \. and the like.
// `text` has its '\\' at `at`.
util::Result<CharClass> read_escape(std::string_view text, std::size_t& at, bool ascii);

// "[...]", with `text` having its '[' at `at`. `fold`: with all that differ by case only, before
// "^" turns it round.
util::Result<CharClass> read_char_set(std::string_view text, std::size_t& at, bool ascii,
                                      bool fold);

}  // namespace warder::filter
