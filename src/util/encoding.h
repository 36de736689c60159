#pragma once

#include "util/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::util {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
// Either case, no separators. kInvalid for an odd length or another character.
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4: standard alphabet, padded, no line breaks.
std::string to_base64(ByteView bytes);
// Strict: padding required, no white space, unused bits zero. kInvalid otherwise.
Result<Bytes> from_base64(std::string_view text);

}  // namespace warder::util
