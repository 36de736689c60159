#include "filter/json_uri.h"

#include <algorithm>

namespace warder::filter {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Behind "scheme://authority"; the whole text when it has none.
std::string_view without_authority(std::string_view uri) {
  const std::size_t mark = uri.find("://");
  if (mark == std::string_view::npos || mark == 0 || uri.find_first_of("/?") < mark) {
    return uri;
  }
  return uri.substr(std::min(uri.find_first_of("/?", mark + 3), uri.size()));
}

// `out` ends with a whole segment that begins at the last slash: drops what it means nothing.
void finish_segment(std::string& out) {
  const std::size_t slash = out.rfind('/');
  const std::string_view segment = std::string_view(out).substr(slash + 1);
  if (segment.empty() || segment == ".") {
    out.resize(slash);
  } else if (segment == "..") {
    out.resize(slash);
    out.resize(out.empty() ? 0 : out.rfind('/'));
  }
}

}  // namespace

void uri_path(std::string_view uri, std::string& out) {
  std::string_view rest = without_authority(uri);
  rest = rest.substr(0, rest.find('?'));
  out.assign(1, '/');
  while (!rest.empty()) {
    char c = rest[0];
    std::size_t used = 1;
    if (c == '%' && rest.size() >= 3) {
      const int high = hex_value(rest[1]);
      const int low = hex_value(rest[2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        used = 3;
      }
    }
    rest.remove_prefix(used);
    if (c == '/') {
      finish_segment(out);
    }
    out += c;
  }
  finish_segment(out);
  if (out.empty()) {
    out.push_back('/');
  }
}

}  // namespace warder::filter
