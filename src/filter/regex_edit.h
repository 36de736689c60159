#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// `length` bytes of an expression from `begin` on give way to `text`.
struct RegexEdit {
  std::size_t begin = 0;
  std::size_t length = 0;
  std::string text;
};
using RegexEdits = std::vector<RegexEdit>;

// `text` with all of them made, whatever their order. They must lie in it and must not overlap.
std::string edited(std::string_view text, RegexEdits edits);

}  // namespace warder::filter
