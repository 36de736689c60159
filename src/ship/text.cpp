#include "ship/text.h"

#include "ship/message.h"
#include "util/strings.h"

#include <algorithm>

namespace warder::ship {
namespace {

constexpr std::string_view kZeroWidthSpace = "\xE2\x80\x8B";

// Puts pieces together up to a limit; no piece (an escape, a character) is ever torn.
class Pieces {
 public:
  explicit Pieces(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void add(std::string_view piece) {
    if (full_) {
      return;
    }
    if (text_.size() + kCut.size() <= max_bytes_) {
      cut_ = text_.size();
    }
    text_ += piece;
    if (text_.size() > max_bytes_) {
      full_ = true;
      text_.resize(cut_);
      text_ += kCut.substr(0, max_bytes_);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::string_view kCut = "...";
  const std::size_t max_bytes_;
  std::string text_;
  std::size_t cut_ = 0;
  bool full_ = false;
};

// The UTF-8 character at the start of valid text.
std::string_view first_character(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80) {
    ++length;
  }
  return text.substr(0, length);
}

// Goes through harmless text character by character; `escape` gives what stands for one.
template <typename Escape>
std::string escaped(std::string_view text, std::size_t max_bytes, const Escape& escape) {
  const std::string clean = util::printable_again(text, max_bytes);
  Pieces pieces(max_bytes);
  std::string_view rest = clean;
  while (!rest.empty()) {
    const std::string_view character = first_character(rest);
    if (character == "@" || rest.starts_with("://")) {
      std::string defused(escape(character));
      defused += kZeroWidthSpace;
      pieces.add(defused);
    } else {
      pieces.add(escape(character));
    }
    rest.remove_prefix(character.size());
  }
  return pieces.take();
}

}  // namespace

std::string plain_text(std::string_view text, std::size_t max_bytes) {
  return util::printable_again(text, max_bytes);
}

std::string chat_text(std::string_view text, std::size_t max_bytes) {
  return escaped(text, max_bytes, [](std::string_view character) { return character; });
}

std::string slack_text(std::string_view text, std::size_t max_bytes) {
  return escaped(text, max_bytes, [](std::string_view character) -> std::string_view {
    if (character == "&") {
      return "&amp;";
    }
    if (character == "<") {
      return "&lt;";
    }
    return character == ">" ? "&gt;" : character;
  });
}

std::string discord_text(std::string_view text, std::size_t max_bytes) {
  return escaped(text, max_bytes, [](std::string_view character) {
    constexpr std::string_view kMarkup = "\\*_~`|>#[]()<:";
    std::string result;
    if (kMarkup.find(character) != std::string_view::npos) {
      result = '\\';
    }
    result += character;
    return result;
  });
}

std::string told_text(const Message& message,
                      std::string (*harmless)(std::string_view, std::size_t),
                      std::size_t max_bytes) {
  if (message.event()) {
    return harmless(message.event()->message, max_bytes);
  }
  const std::string whole = summary_text(*message.summary());
  std::string text;
  std::string_view rest = whole;
  while (!rest.empty() && text.size() + 1 < max_bytes) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view between = text.empty() ? "" : "\n";
    text += between;
    text += harmless(rest.substr(0, end), max_bytes - text.size());
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

}  // namespace warder::ship
