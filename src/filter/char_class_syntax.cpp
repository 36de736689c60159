#include "filter/char_class_syntax.h"

#include "filter/regex_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::filter {
namespace {

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

class Reader {
 public:
  Reader(std::string_view text, std::size_t& at, bool ascii)
      : text_(text), at_(at), ascii_(ascii) {}

  // An escape that stands for characters, in a set or outside of one.
  util::Result<CharClass> escape() {
    const std::size_t begin = at_;
    ++at_;
    if (done()) {
      return error(begin, "'\\' at the end; write \\\\ for the character");
    }
    const char c = text_[at_];
    if (std::string_view("wdsWDS").find(c) != std::string_view::npos) {
      ++at_;
      return CharClass::category(c, ascii_);
    }
    constexpr std::string_view kLetters = "abfnrtv";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v";
    if (const std::size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      ++at_;
      return CharClass::single(static_cast<unsigned char>(kValues[letter]));
    }
    if (c == 'x' || c == 'u' || c == 'U') {
      ++at_;
      return hex_escape(begin, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    }
    if (c >= '0' && c <= '7') {
      char32_t value = 0;
      for (int digits = 0; digits < 3 && !done() && text_[at_] >= '0' && text_[at_] <= '7';
           ++digits) {
        value = value * 8 + static_cast<char32_t>(text_[at_] - '0');
        ++at_;
      }
      return CharClass::single(value & 0xFFU);
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '8' || c == '9') {
      return error(begin, fmt::format("'\\{}' means nothing; write '{}' for the character", c, c));
    }
    return CharClass::single(read_character(text_, at_));
  }

  util::Result<CharClass> set(bool fold) {
    const std::size_t begin = at_;
    ++at_;
    const bool negative = take("^");
    CharClass chars;
    for (bool first = true;; first = false) {
      if (done()) {
        return error(begin, "'[' is not closed; write \\[ for the character");
      }
      if (!first && take("]")) {
        break;
      }
      const std::size_t item_begin = at_;
      WARDER_ASSIGN_OR_RETURN(Item low, set_item());
      if (is("-") && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        WARDER_ASSIGN_OR_RETURN(const Item high, set_item());
        if (!low.character || !high.character || *low.character > *high.character) {
          return error(item_begin, fmt::format("'{}' is no range of characters",
                                               text_.substr(item_begin, at_ - item_begin)));
        }
        low.chars = CharClass::range(*low.character, *high.character);
      }
      chars.add(low.chars);
    }
    if (fold) {
      chars.fold_case();
    }
    if (negative) {
      chars.negate();
    }
    return chars;
  }

 private:
  struct Item {
    CharClass chars;
    std::optional<char32_t> character;
  };

  util::Result<Item> set_item() {
    if (done()) {
      return error(at_, "'[' is not closed; write \\[ for the character");
    }
    if (text_[at_] != '\\') {
      const char32_t c = read_character(text_, at_);
      return Item{CharClass::single(c), c};
    }
    const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    WARDER_ASSIGN_OR_RETURN(CharClass chars, escape());
    Item item{std::move(chars), std::nullopt};
    if (std::string_view("wdsWDS").find(letter) == std::string_view::npos) {
      item.character = single_of(item.chars);
    }
    return item;
  }

  static std::optional<char32_t> single_of(const CharClass& chars) {
    if (const int c = chars.only_character(); c >= 0) {
      return static_cast<char32_t>(c);
    }
    return chars.single_beyond_ascii();
  }

  util::Result<CharClass> hex_escape(std::size_t begin, int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = done() ? -1 : hex_digit(text_[at_]);
      if (digit < 0) {
        return error(
            begin, fmt::format("'{}' needs {} hexadecimal digits", text_.substr(begin, 2), digits));
      }
      value = value * 16 + static_cast<char32_t>(digit);
      ++at_;
    }
    if (value > 0x10FFFF) {
      return error(begin, "there is no such character");
    }
    return CharClass::single(value);
  }

  static util::Error error(std::size_t at, std::string_view what) { return regex_error(at, what); }

  bool done() const { return at_ >= text_.size(); }
  bool is(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool take(std::string_view what) {
    if (!is(what)) {
      return false;
    }
    at_ += what.size();
    return true;
  }

  std::string_view text_;
  std::size_t& at_;
  bool ascii_;
};

}  // namespace

char32_t read_character(std::string_view text, std::size_t& at) {
  const auto [c, length] = decode_utf8(text, at);
  const char32_t result = length == 0 ? 0xFFFD : c;
  at += std::max<std::size_t>(length, 1);
  return result;
}

util::Result<CharClass> read_escape(std::string_view text, std::size_t& at, bool ascii) {
  return Reader(text, at, ascii).escape();
}

util::Result<CharClass> read_char_set(std::string_view text, std::size_t& at, bool ascii,
                                      bool fold) {
  return Reader(text, at, ascii).set(fold);
}

}  // namespace warder::filter
