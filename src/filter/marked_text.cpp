#include "filter/marked_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace warder::filter {
namespace {

constexpr unsigned kFirstMarkByte = 0x80;

char32_t mark(std::size_t guard, RegexText text) {
  return (text == RegexText::kAscii ? char32_t{kFirstMarkByte} : kFirstMark) +
         static_cast<char32_t>(guard);
}

}  // namespace

std::string any_marks(RegexText text) {
  return text == RegexText::kAscii
             ? "[\\x80-\\xff]*"
             : fmt::format("[\\x{{{:x}}}-\\x{{10ffff}}]*", static_cast<std::uint32_t>(kFirstMark));
}

std::string mark_that_holds(std::size_t guard, RegexText text) {
  return fmt::format("{}?\\x{{{:x}}}", any_marks(text),
                     static_cast<std::uint32_t>(mark(guard, text)));
}

std::u32string decode_text(std::string_view text) {
  std::u32string characters;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = decode_utf8(text, at);
    characters += c;
    at += std::max<std::size_t>(length, 1);
  }
  return characters;
}

MarkedText::MarkedText(std::string_view text, const std::vector<std::vector<bool>>& holds,
                       RegexText kind, std::size_t asks) {
  const std::size_t guards = holds.size();
  const auto append = [&](char32_t c) {
    if (kind == RegexText::kAscii) {
      marked_ += static_cast<char>(c);
    } else {
      append_utf8(marked_, c);
    }
  };
  const std::size_t copies = std::min(kMostCopies, asks);
  std::size_t at = 0;
  for (std::size_t character = 0; at <= text.size(); ++character) {
    for (std::size_t copy = 0; copy < copies; ++copy) {
      for (std::size_t guard = 0; guard < guards; ++guard) {
        if (holds[guard][character]) {
          append(mark(guard, kind));
        }
      }
    }
    places_.push_back(at);
    if (at == text.size()) {
      break;
    }
    const std::size_t length = std::max<std::size_t>(decode_utf8(text, at).second, 1);
    marked_ += text.substr(at, length);
    ends_.push_back(marked_.size());
    at += length;
  }
}

std::size_t MarkedText::place(std::size_t marked) const {
  const auto passed = std::upper_bound(ends_.begin(), ends_.end(), marked) - ends_.begin();
  return places_[static_cast<std::size_t>(passed)];
}

}  // namespace warder::filter
