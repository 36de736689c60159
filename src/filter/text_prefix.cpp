#include "filter/text_prefix.h"

#include "filter/regex_scanner.h"

#include <array>
#include <utility>

namespace warder::filter {
namespace {

// The text before a final content of anything; empty when the prefix has another form.
std::string_view head_of(std::string_view text) {
  constexpr std::array<std::string_view, 2> kTails{"<F-CONTENT>.+</F-CONTENT>$",
                                                   "<F-CONTENT>.*</F-CONTENT>$"};
  for (const std::string_view tail : kTails) {
    if (!text.ends_with(tail)) {
      continue;
    }
    const std::string_view head = text.substr(0, text.size() - tail.size());
    RegexScanner scanner(head);
    for (; !scanner.done(); scanner.next()) {
      if (scanner.is('|') && scanner.depth() == 0) {
        return {};
      }
    }
    return scanner.depth() == 0 && !scanner.in_class() ? head : std::string_view();
  }
  return {};
}

}  // namespace

util::Result<TextPrefix> TextPrefix::compile(std::string_view text) {
  WARDER_ASSIGN_OR_RETURN(TextPattern pattern, TextPattern::compile(text));
  TextPrefix prefix(std::move(pattern));
  if (const std::string_view head = head_of(text); !head.empty()) {
    WARDER_ASSIGN_OR_RETURN(prefix.head_, TextPattern::compile(head));
  }
  return prefix;
}

std::optional<std::string_view> TextPrefix::match(std::string_view message,
                                                  Captures& captures) const {
  if (head_) {
    const std::size_t end = head_->match_to(message, captures);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view rest = message.substr(end);
    // With nothing or a line break left, the whole expression might divide the line differently.
    if (!rest.empty() && rest.find('\n') == std::string_view::npos) {
      return rest;
    }
    captures.clear();
  }
  if (!pattern_.match(message, captures)) {
    return std::nullopt;
  }
  const std::string_view content = find_capture(captures, "content");
  return content.empty() ? message : content;
}

}  // namespace warder::filter
