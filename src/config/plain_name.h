#pragma once

#include <string_view>

namespace warder::config {

// 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit: a section's name that may
// become part of a file's or a stored value's name.
bool is_plain_name(std::string_view name);

}  // namespace warder::config
