#include "agent/output.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace warder::agent {
namespace {

// Columns a terminal gives the text: code points, not bytes; none to colours.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  bool colour = false;
  for (const char c : text) {
    colour = colour || c == '\x1b';
    width += !colour && (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1U : 0U;
    colour = colour && c != 'm';
  }
  return width;
}

}  // namespace

std::string TextTable::to_text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) {
        text.append(widths[i] - width_of(row[i]) + 2, ' ');
      }
    }
    text += '\n';
  }
  return text;
}

std::string short_time(std::string_view rfc3339) {
  std::string text(rfc3339.substr(0, 19));
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  const bool es = noun.ends_with("s");
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : es ? "es" : "s");
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace warder::agent
