#include "filter/definition.h"

#include "util/strings.h"

#include <fmt/format.h>

namespace warder::filter {

std::string at(const Place& place, std::string_view text) {
  // What concerns the whole file has no line.
  return place.line == 0 ? fmt::format("{}: {}", place.file, text)
                         : fmt::format("{}:{}: {}", place.file, place.line, text);
}

std::vector<ValueLine> value_lines(const Option& option) {
  std::vector<ValueLine> lines;
  std::size_t line = option.place.line;
  for (const std::string_view text : util::split(option.value, '\n')) {
    const std::string_view trimmed = util::trim(text);
    if (!trimmed.empty()) {
      lines.push_back({std::string(trimmed), {option.place.file, line}});
    }
    ++line;
  }
  return lines;
}

const Option* Definition::find(std::string_view section, std::string_view option) const {
  const auto found = sections.find(std::string(section));
  if (found == sections.end()) {
    return nullptr;
  }
  const auto value = found->second.find(std::string(option));
  return value == found->second.end() ? nullptr : &value->second;
}

util::Error Problems::to_error() const {
  return {util::ErrorCode::kInvalid, fmt::format("{}", fmt::join(texts_, "\n"))};
}

}  // namespace warder::filter
