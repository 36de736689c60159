#pragma once

#include "util/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace warder::util {

// A number of bytes, so that no interface takes a bare integer for a size.
struct ByteCount {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const ByteCount&) const = default;
};

constexpr ByteCount kibibytes(std::uint64_t n) { return ByteCount{n * 1024}; }
constexpr ByteCount mebibytes(std::uint64_t n) { return ByteCount{n * 1024 * 1024}; }

// "4096", "256K", "10MB", "1GiB": K, M, G and T are powers of 1024, B and iB may follow.
Result<ByteCount> parse_bytes(std::string_view text);
// "256K" where that is exact, else plain digits.
std::string format_bytes(ByteCount count);

}  // namespace warder::util
