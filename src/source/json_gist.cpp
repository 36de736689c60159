#include "source/json_gist.h"

#include <utility>

namespace warder::source {
namespace {

constexpr std::size_t kLongestEscape = 12;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Bytes of the character or escape at `at`; a pair of surrogates is one.
std::size_t length_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead == '\\') {
    if (text.substr(at + 1, 1) != "u") {
      return 2;
    }
    const std::string_view plane = text.substr(at + 2, 2);
    return plane.size() == 2 && (plane[0] == 'd' || plane[0] == 'D') && plane[1] != '0' &&
                   std::string_view("89abAB").find(plane[1]) != std::string_view::npos
               ? 12
               : 6;
  }
  return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// How much of `text`, at most `most` bytes, ends where no character and no escape is torn.
std::size_t whole_part(std::string_view text, std::size_t most) {
  std::size_t at = 0;
  for (std::size_t length = length_at(text, 0); at + length <= most; length = length_at(text, at)) {
    at += length;
  }
  return at;
}

}  // namespace

void JsonGist::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (state_ == State::kFailed) {
      return;
    }
    take(c);
  }
}

void JsonGist::put(char c) { put(std::string_view(&c, 1)); }

void JsonGist::put(std::string_view text) {
  if (out_.size() + text.size() > most_) {
    state_ = State::kFailed;
    return;
  }
  out_ += text;
}

void JsonGist::take(char c) {
  if (text_open_) {
    return in_text(c);
  }
  if (state_ == State::kBefore) {
    if (c == '{') {
      state_ = State::kInside;
      keep_value_ = true;
      open(c);
    }
    return;
  }
  if (state_ == State::kDone) {
    if (!is_blank(c)) {
      state_ = State::kFailed;
    }
    return;
  }
  switch (c) {
    case '"':
      scalar_ = false;
      if (!levels_.back().key_next) {
        begin_value();
      }
      text_open_ = true;
      text_.clear();
      break;
    case '{':
    case '[':
      begin_value();
      open(c);
      break;
    case '}':
    case ']':
      close(c);
      break;
    case ',':
      scalar_ = false;
      levels_.back().key_next = !levels_.back().array;
      break;
    case ':':
      break;
    default:
      if (is_blank(c)) {
        scalar_ = false;
        break;
      }
      if (!scalar_) {
        begin_value();
        scalar_ = true;
      }
      if (keep_value_) {
        put(c);
      }
  }
}

// Before a value: of an array's element it is decided here whether it is kept, of a member with its
// name.
void JsonGist::begin_value() {
  Level& level = levels_.back();
  if (!level.array) {
    return;
  }
  keep_value_ = level.kept && level.elements < kMostElements;
  ++level.elements;
  if (keep_value_ && std::exchange(level.any, true)) {
    put(',');
  }
}

void JsonGist::open(char bracket) {
  if (levels_.size() == kDeepest) {
    state_ = State::kFailed;
    return;
  }
  Level level;
  level.array = bracket == '[';
  level.kept = keep_value_;
  level.key_next = bracket == '{';
  levels_.push_back(level);
  if (level.kept) {
    put(bracket);
  }
}

void JsonGist::close(char bracket) {
  scalar_ = false;
  if (levels_.back().array != (bracket == ']')) {
    state_ = State::kFailed;
    return;
  }
  const bool kept = levels_.back().kept;
  levels_.pop_back();
  if (kept) {
    put(bracket);
  }
  if (levels_.empty() && state_ == State::kInside) {
    state_ = State::kDone;
  }
}

void JsonGist::in_text(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    text_open_ = false;
    return end_text();
  }
  if (text_.size() <= kLongestText + kLongestEscape) {
    text_ += c;
  }
}

void JsonGist::end_text() {
  if (text_.size() > kLongestText) {
    text_.resize(whole_part(text_, kLongestText));
  }
  Level& level = levels_.back();
  if (level.array || !level.key_next) {
    if (keep_value_) {
      put('"');
      put(text_);
      put('"');
    }
    return;
  }
  level.key_next = false;
  keep_value_ = level.kept && (levels_.size() <= kAllMembersTo || wanted_->contains(text_));
  if (keep_value_) {
    if (std::exchange(level.any, true)) {
      put(',');
    }
    put('"');
    put(text_);
    put("\":");
  }
}

}  // namespace warder::source
