#include "filter/json_entries.h"

#include <algorithm>

namespace warder::filter {
namespace {

// Behind the bracket that closes the object at `from`; npos when none does.
std::size_t end_of_object(std::string_view line, std::size_t from) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t at = from; at < line.size(); ++at) {
    const char c = line[at];
    if (in_text) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        in_text = false;
      }
      continue;
    }
    if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t JsonEntryFinder::next_begin(std::string_view line, std::size_t from) const {
  for (std::size_t at = line.find("{\"", from); at != std::string_view::npos;
       at = line.find("{\"", at + 1)) {
    const std::string_view rest = line.substr(at);
    if (std::any_of(begins_.begin(), begins_.end(),
                    [rest](const std::string& begin) { return rest.starts_with(begin); })) {
      return at;
    }
  }
  return std::string_view::npos;
}

JsonEntries JsonEntryFinder::find(std::string_view line) const {
  JsonEntries entries;
  std::size_t tries = 0;
  std::size_t at = next_begin(line, 0);
  while (at != std::string_view::npos && tries < kMostTries) {
    const std::size_t end = end_of_object(line, at);
    if (end == std::string_view::npos) {
      entries.cut = true;
      ++tries;
      at = next_begin(line, at + 1);
      continue;
    }
    entries.whole.push_back(line.substr(at, end - at));
    at = next_begin(line, end);
  }
  return entries;
}

}  // namespace warder::filter
