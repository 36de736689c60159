#include "filter/json_token.h"

#include "util/strings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace warder::filter {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '@';
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Longer signs first. The last row is what people write who know another language; the parser
// tells them ours.
constexpr std::array<std::string_view, 21> kSigns = {"==", "!=", "<=", ">=", "=~", "!~", "..",
                                                     "&&", "||", "(",  ")",  "[",  "]",  ",",
                                                     ".",  "<",  ">",  "=",  "!",  "&",  "|"};

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

}  // namespace

Token Tokens::take() {
  Token token = std::move(current_);
  advance();
  return token;
}

Token Tokens::take_bare_item() {
  const std::size_t begin = current_.offset;
  const std::size_t end = std::min(text_.find_first_of(",)'\"", begin), text_.size());
  Token token;
  token.kind = TokenKind::kText;
  token.offset = begin;
  token.raw = util::trim(text_.substr(begin, end - begin));
  token.value = token.raw;
  next_ = end;
  advance();
  return token;
}

void Tokens::advance() {
  while (next_ < text_.size() && is_blank(text_[next_])) {
    ++next_;
  }
  current_ = Token{};
  current_.offset = next_;
  if (next_ == text_.size()) {
    return;
  }
  const char first = text_[next_];
  if (begins_word(first)) {
    std::size_t end = next_ + 1;
    while (end < text_.size() &&
           (begins_word(text_[end]) || is_digit(text_[end]) || text_[end] == '-')) {
      ++end;
    }
    current_.kind = TokenKind::kWord;
    current_.raw = text_.substr(next_, end - next_);
    next_ = end;
    return;
  }
  if (is_digit(first) || first == '-') {
    return read_number();
  }
  if (first == '"' || first == '\'') {
    return read_text(first);
  }
  for (const std::string_view sign : kSigns) {
    if (text_.substr(next_).starts_with(sign)) {
      current_.kind = TokenKind::kSign;
      current_.raw = text_.substr(next_, sign.size());
      next_ += sign.size();
      return;
    }
  }
  bad(next_ + 1, "this character means nothing here");
}

void Tokens::read_number() {
  std::size_t end = next_ + 1;
  while (end < text_.size() && is_digit(text_[end])) {
    ++end;
  }
  if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) {
    ++end;
    while (end < text_.size() && is_digit(text_[end])) {
      ++end;
    }
  }
  const std::string_view raw = text_.substr(next_, end - next_);
  const auto [stop, error] = std::from_chars(raw.data(), raw.data() + raw.size(), current_.number);
  if (error != std::errc() || stop != raw.data() + raw.size()) {
    return bad(end, "this is no number that can be held");
  }
  current_.kind = TokenKind::kNumber;
  current_.raw = raw;
  next_ = end;
}

void Tokens::read_text(char quote) {
  std::size_t at = next_ + 1;
  std::string value;
  while (at < text_.size() && text_[at] != quote) {
    if (quote == '\'' || text_[at] != '\\') {
      value += text_[at++];
      continue;
    }
    const char escaped = at + 1 < text_.size() ? text_[at + 1] : '\0';
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const auto found = kNames.find(escaped); found != std::string_view::npos) {
      value += kValues[found];
      at += 2;
      continue;
    }
    std::uint32_t code = 0;
    const std::string_view hex = text_.substr(std::min(at + 2, text_.size()), 4);
    const auto [stop, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (escaped != 'u' || hex.size() != 4 || error != std::errc() ||
        stop != hex.data() + hex.size() || (code >= 0xD800 && code < 0xE000)) {
      return bad(at + 2,
                 "in double quotes only the escapes of JSON are known; write a regular expression "
                 "in single quotes, where nothing is escaped");
    }
    append_utf8(value, code);
    at += 6;
  }
  if (at == text_.size()) {
    return bad(at, "the closing quote is missing");
  }
  current_.kind = TokenKind::kText;
  current_.raw = text_.substr(next_, at + 1 - next_);
  current_.value = std::move(value);
  next_ = at + 1;
}

void Tokens::bad(std::size_t end, std::string complaint) {
  end = std::min(end, text_.size());
  current_.kind = TokenKind::kBad;
  current_.raw = text_.substr(next_, end - next_);
  current_.value = std::move(complaint);
  next_ = text_.size();
}

}  // namespace warder::filter
