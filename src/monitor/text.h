#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// The first 16 hexadecimal digits of the SHA-256: a name for what is wrong.
std::string mark_of(std::string_view text);
// A path as one word of a shell, whatever it holds; control characters are written as \xNN.
std::string shell_word(std::string_view path);
// The first `most` parts with "; " between, and how many more there are.
std::string joined(const std::vector<std::string>& parts, std::size_t most);
// "12.5 MiB", "340 KiB"
std::string size_text(std::uint64_t bytes);

}  // namespace warder::monitor
