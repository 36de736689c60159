#pragma once

#include <cstddef>
#include <string_view>

namespace warder::filter {

// Goes through a regular expression element by element, knowing what is escaped, in a character
// class, or how deep in groups. No element means more than one byte, but for escapes, which are
// two.
class RegexScanner {
 public:
  explicit RegexScanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  std::size_t at() const { return at_; }
  // What is left, beginning with the current element.
  std::string_view rest() const { return text_.substr(at_); }
  // A backslash with its character, as one element ("\b"); else one character.
  std::string_view element() const { return rest().substr(0, is_escape() ? 2 : 1); }
  bool is_escape() const { return text_[at_] == '\\' && at_ + 1 < text_.size(); }
  // In [...], the brackets included.
  bool in_class() const { return class_begin_ != kNowhere; }
  // Parentheses open before the current element.
  std::size_t depth() const { return depth_; }
  // Is the current element this character, with its special meaning?
  bool is(char special) const { return !in_class() && text_[at_] == special; }

  void next();
  void skip(std::size_t bytes);

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t class_begin_ = text_.starts_with('[') ? 0 : kNowhere;
};

inline void RegexScanner::next() {
  const bool closes_class = in_class() && text_[at_] == ']' && at_ > class_begin_ + 1 &&
                            !(at_ == class_begin_ + 2 && text_[class_begin_ + 1] == '^');
  if (is('(')) {
    ++depth_;
  } else if (is(')') && depth_ > 0) {
    --depth_;
  }
  if (closes_class) {
    class_begin_ = kNowhere;
  }
  at_ += element().size();
  if (!in_class() && at_ < text_.size() && text_[at_] == '[') {
    class_begin_ = at_;
  }
}

inline void RegexScanner::skip(std::size_t bytes) {
  at_ += bytes;
  if (!in_class() && at_ < text_.size() && text_[at_] == '[') {
    class_begin_ = at_;
  }
}

}  // namespace warder::filter
