#include "filter/json_summary.h"

#include <algorithm>
#include <string_view>

namespace warder::filter {
namespace {

constexpr std::size_t kLongestValue = 120;
constexpr std::size_t kUsualLength = 128;

bool needs_quotes(std::string_view value) {
  // Not find_first_of(): with several characters that is a search for each byte of the value.
  return std::ranges::any_of(value,
                             [](char c) { return c == ' ' || c == '\t' || c == '"' || c == '\''; });
}

void append_value(std::string& text, std::string_view value) {
  if (value.empty()) {
    text += '-';
    return;
  }
  const bool cut = value.size() > kLongestValue;
  const std::string_view shown = value.substr(0, kLongestValue);
  if (needs_quotes(shown)) {
    const std::size_t begin = text.size() + 1;
    text.append("\"").append(shown).append("\"");
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end() - 1, '"', '\'');
  } else {
    text += shown;
  }
  text += cut ? "..." : "";
}

}  // namespace

std::string json_summary(std::span<const std::size_t> chosen, const model::Finding& finding) {
  if (finding.captures.empty()) {
    return finding.text;
  }
  std::string text;
  text.reserve(kUsualLength);
  if (chosen.empty()) {
    for (const auto& [name, value] : finding.captures) {
      text.append(text.empty() ? "" : " ").append(name).append("=");
      append_value(text, value);
    }
    return text;
  }
  for (const std::size_t index : chosen) {
    text += text.empty() ? "" : " ";
    append_value(text, finding.captures[index].second);
  }
  return text;
}

}  // namespace warder::filter
