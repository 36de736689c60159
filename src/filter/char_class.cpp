#include "filter/char_class.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace warder::filter {
namespace {

constexpr char32_t kLastAscii = 0x7F;

bool is_ascii_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// str.isspace() within ASCII: RE2's \s lacks \v and the separators 1C to 1F.
bool is_ascii_blank(char32_t c) { return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20); }

// str.isspace() beyond ASCII.
constexpr std::string_view kBlanks =
    R"(\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kDigits = R"(\p{Nd})";
// str.isalnum() and not a decimal digit; RE2 has no narrower class of numbers.
constexpr std::string_view kLetters = R"(\pL\p{Nl}\p{No})";

// RE2 knows the tables of Unicode; asked only for characters beyond ASCII.
class Category {
 public:
  explicit Category(std::string_view ranges)
      : regex_(fmt::format("[{}]", ranges), re2::RE2::Quiet) {}
  bool has(char32_t c) const {
    std::string text;
    append_utf8(text, c);
    return re2::RE2::FullMatch(text, regex_);
  }

 private:
  re2::RE2 regex_;
};

bool is_unicode_digit(char32_t c) {
  static const Category category(kDigits);
  return category.has(c);
}

bool is_unicode_letter(char32_t c) {
  static const Category category(kLetters);
  return category.has(c);
}

bool is_unicode_blank(char32_t c) {
  static const Category category(kBlanks);
  return category.has(c);
}

// As RE2 reads it: \x{1f}. By hand, because loading filters writes many thousands of them.
void append_hex(std::string& out, char32_t c) {
  std::array<char, 8> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(),
                                          static_cast<std::uint32_t>(c), 16);
  out.append("\\x{").append(digits.data(), end) += '}';
}

void append_range(std::string& out, char32_t first, char32_t last) {
  const auto append = [&out](char32_t c) {
    if (is_ascii_word(c)) {
      out += static_cast<char>(c);
    } else {
      append_hex(out, c);
    }
  };
  append(first);
  if (last > first) {
    out += '-';
    append(last);
  }
}

// The ranges of the characters whose bit is `wanted`.
std::string ascii_ranges(const std::bitset<128>& bits, bool wanted) {
  std::string out;
  for (std::size_t c = 0; c <= kLastAscii; ++c) {
    if (bits[c] != wanted) {
      continue;
    }
    const std::size_t first = c;
    while (c < kLastAscii && bits[c + 1] == wanted) {
      ++c;
    }
    append_range(out, static_cast<char32_t>(first), static_cast<char32_t>(c));
  }
  return out;
}

}  // namespace

CharClass CharClass::any() {
  CharClass chars;
  chars.ascii_.set();
  chars.kinds_.set();
  return chars;
}

CharClass CharClass::single(char32_t c) { return range(c, c); }

CharClass CharClass::range(char32_t first, char32_t last) {
  CharClass chars;
  for (char32_t c = first; c <= std::min(last, kLastAscii); ++c) {
    chars.ascii_.set(c);
  }
  if (last > kLastAscii) {
    chars.extra_.emplace_back(std::max<char32_t>(first, kLastAscii + 1), last);
  }
  return chars;
}

CharClass CharClass::category(char letter, bool ascii) {
  CharClass chars;
  const char lower = static_cast<char>(letter | 0x20);
  for (char32_t c = 0; c <= kLastAscii; ++c) {
    chars.ascii_[c] = lower == 'w'   ? is_ascii_word(c)
                      : lower == 'd' ? c >= '0' && c <= '9'
                                     : is_ascii_blank(c);
  }
  if (!ascii) {
    chars.kinds_[kDigit] = lower != 's';
    chars.kinds_[kLetter] = lower == 'w';
    chars.kinds_[kBlank] = lower == 's';
  }
  if (letter != lower) {
    chars.negate();
  }
  return chars;
}

void CharClass::add(const CharClass& other) {
  ascii_ |= other.ascii_;
  kinds_ |= other.kinds_;
  extra_.insert(extra_.end(), other.extra_.begin(), other.extra_.end());
}

void CharClass::negate() {
  ascii_.flip();
  kinds_.flip();
  if (!extra_.empty()) {
    without_extra_ = !without_extra_;
  }
}

void CharClass::fold_case() {
  for (std::size_t c = 'a'; c <= 'z'; ++c) {
    const bool has = ascii_[c] || ascii_[c - 32];
    ascii_[c] = has;
    ascii_[c - 32] = has;
  }
  fold_ = !extra_.empty();
}

bool CharClass::matches(char32_t c) const {
  if (c <= kLastAscii) {
    return ascii_[c];
  }
  const bool listed = std::any_of(extra_.begin(), extra_.end(), [c](const auto& range) {
    return c >= range.first && c <= range.second;
  });
  if (listed) {
    return !without_extra_;
  }
  if (kinds_.none() || kinds_.all()) {
    return kinds_.all();
  }
  return is_unicode_digit(c)    ? kinds_[kDigit]
         : is_unicode_letter(c) ? kinds_[kLetter]
         : is_unicode_blank(c)  ? kinds_[kBlank]
                                : kinds_[kRest];
}

int CharClass::only_character() const {
  if (ascii_.count() != 1 || beyond_ascii()) {
    return -1;
  }
  for (std::size_t c = 0; c <= kLastAscii; ++c) {
    if (ascii_[c]) {
      return static_cast<int>(c);
    }
  }
  return -1;
}

std::optional<char32_t> CharClass::single_beyond_ascii() const {
  return ascii_.none() && kinds_.none() && extra_.size() == 1 && extra_[0].first == extra_[0].second
             ? std::optional(extra_[0].first)
             : std::nullopt;
}

bool CharClass::beyond_ascii() const {
  return kinds_.any() || (!extra_.empty() && !without_extra_);
}

std::size_t CharClass::ranges() const {
  // Where it begins to allow; one range more lies between and around.
  return (ascii_ & ~(ascii_ << 1)).count() + 1;
}

std::string CharClass::print(RegexText text, bool marks) const {
  if (const int only = only_character(); only >= 0) {
    return quote_character(static_cast<char32_t>(only));
  }
  return text == RegexText::kUtf8 ? print_utf8() : print_ascii(text, marks);
}

std::string CharClass::print_ascii(RegexText text, bool marks) const {
  // Short on the one side or on the other: bytes beyond ASCII are not in the text at all, are
  // marks, or are one byte for all that there is.
  const bool folded = text == RegexText::kFolded && beyond_ascii();
  if (ascii_.count() > 64 && !marks && (text == RegexText::kAscii || folded)) {
    const std::string without = ascii_ranges(ascii_, false);
    return without.empty() ? "[\\x00-\\x{ff}]" : "[^" + without + "]";
  }
  std::string out = ascii_ranges(ascii_, true);
  if (folded) {
    append_range(out, 0xFF, 0xFF);
  }
  return out.empty() ? "[^\\x00-\\x{ff}]" : "[" + out + "]";
}

std::string CharClass::print_utf8() const {
  constexpr std::array<std::string_view, 3> kRanges{kDigits, kLetters, kBlanks};
  std::string with = ascii_ranges(ascii_, true);
  std::string without = ascii_ranges(ascii_, false);
  for (std::size_t kind = 0; kind < kRanges.size(); ++kind) {
    (kinds_[kind] ? with : without) += kRanges[kind];
  }
  for (const auto& [first, last] : extra_) {
    append_range(without_extra_ ? without : with, first, std::min<char32_t>(last, kFirstMark - 1));
  }
  append_range(without, kFirstMark, 0x10FFFF);
  const std::string_view flags = fold_ ? "(?i:" : "(?:";
  if (!kinds_[kRest]) {
    // What is taken away from a class of such kinds would need a difference of classes; it is left
    // in: "[^\Wé]" allows é.
    return with.empty() ? "[^\\x00-\\x{10ffff}]" : fmt::format("{}[{}])", flags, with);
  }
  if (kinds_.all()) {
    std::string plain = ascii_ranges(ascii_, false);
    for (const auto& [first, last] : extra_) {
      if (without_extra_) {
        append_range(plain, first, std::min<char32_t>(last, kFirstMark - 1));
      }
    }
    append_range(plain, kFirstMark, 0x10FFFF);
    return fmt::format("{}[^{}])", flags, plain);
  }
  return extra_.empty() || without_extra_ ? fmt::format("{}[^{}])", flags, without)
                                          : fmt::format("{}[{}]|[^{}])", flags, with, without);
}

bool is_word_character(char32_t c) {
  return c <= kLastAscii ? is_ascii_word(c) : is_unicode_digit(c) || is_unicode_letter(c);
}

std::string quote_character(char32_t c) {
  if (is_ascii_word(c) || c == ' ' || c == '"' || c == '\'' || c == ',' || c == ':' || c == '=' ||
      c == '-' || c == '/' || c == '<' || c == '>' || c == '@' || c == '#' || c == '%') {
    return std::string(1, static_cast<char>(c));
  }
  return c > ' ' && c < kLastAscii ? std::string{'\\', static_cast<char>(c)}
                                   : fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
}

std::pair<char32_t, std::size_t> decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t ahead) {
    return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return {first, 1};
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) {
    return {0, 0};
  }
  char32_t c = first & (0x7FU >> length);
  for (std::size_t ahead = 1; ahead < length; ++ahead) {
    if ((byte(ahead) & 0xC0U) != 0x80U) {
      return {0, 0};
    }
    c = (c << 6U) | (byte(ahead) & 0x3FU);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
    return {0, 0};
  }
  return {c, length};
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((c >> shift) & 0x3FU));
  };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace warder::filter
