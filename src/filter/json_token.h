#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace warder::filter {

enum class TokenKind : std::uint8_t {
  kEnd,
  kWord,    // letters, digits, _ $ @ and -, beginning with none of digit and -
  kNumber,  // as in JSON
  kText,    // "..." with the escapes of JSON, or '...' as it stands
  kSign,    // ( ) [ ] , . .. == != < <= > >= =~ !~
  kBad,     // `value` says what is wrong with it
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view raw;  // as written
  std::string value;     // of kText, unescaped; of kBad the complaint
  double number = 0;
  std::size_t offset = 0;

  bool is(std::string_view sign_or_word) const {
    return (kind == TokenKind::kSign || kind == TokenKind::kWord) && raw == sign_or_word;
  }
};

// Cuts a condition into tokens, one ahead. The text must outlive it.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { advance(); }

  const Token& peek() const { return current_; }
  Token take();
  // From the current token up to the next `,`, `)`, quote or end, trimmed: an address prefix, which
  // is no token of its own ("2001:db8::/32"). The current token becomes what follows.
  Token take_bare_item();

 private:
  void advance();
  void read_text(char quote);
  void read_number();
  void bad(std::size_t end, std::string complaint);

  std::string_view text_;
  std::size_t next_ = 0;
  Token current_;
};

}  // namespace warder::filter
