#pragma once

#include "filter/regex_program.h"
#include "filter/text_pattern.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// The last messages of a log, searched together by filters with maxlines > 1
// (reference/fail2ban-compat.md 12). Bounded in lines and bytes: the oldest go. One thread at a
// time.
class LineWindow {
 public:
  static constexpr std::size_t kMostBytes = 64 << 10;

  explicit LineWindow(std::size_t lines) : most_(lines) {}

  // `message` is the line without its date, `text` the line as it is for the finding.
  // False when the message had to be changed: it was too long, or had a line break in it.
  bool add(std::string_view message, std::string_view text);
  // All messages, each with a line break behind it.
  std::string joined() const;

  // The lines that a match of `joined()` took, without those that its <SKIPLINES> groups passed
  // over, which stay with the others. `captures` are views into the text `match` is a span of.
  struct Taken {
    std::string messages;  // each with a line break behind it
    std::string texts;     // joined by line breaks
  };
  Taken take(std::string_view joined, const Span& match, const Captures& captures);

  void clear() { lines_.clear(); }
  bool empty() const { return lines_.empty(); }

 private:
  struct Line {
    std::string message;
    std::string text;
  };
  std::size_t most_;
  std::deque<Line> lines_;
  std::size_t bytes_ = 0;
};

}  // namespace warder::filter
