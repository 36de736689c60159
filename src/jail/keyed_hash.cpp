#include "jail/keyed_hash.h"

#include <bit>
#include <cstring>

namespace warder::jail {
namespace {

// Up to eight bytes, the first the least significant.
std::uint64_t load_le(const char* bytes, std::size_t size) {
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, bytes, size);
  } else {
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
    }
  }
  return value;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t siphash(const HashKey& key, std::string_view bytes) {
  const char* raw = reinterpret_cast<const char*>(key.bytes.data());
  const std::uint64_t k0 = load_le(raw, 8);
  const std::uint64_t k1 = load_le(raw + 8, 8);
  SipState state{k0 ^ 0x736F6D6570736575ULL, k1 ^ 0x646F72616E646F6DULL, k0 ^ 0x6C7967656E657261ULL,
                 k1 ^ 0x7465646279746573ULL};
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    state.absorb(load_le(bytes.data() + i, 8));
  }
  state.absorb(load_le(bytes.data() + whole, bytes.size() - whole) |
               static_cast<std::uint64_t>(bytes.size()) << 56U);
  state.v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) {
    state.round();
  }
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t hash_prefix(const HashKey& key, const net::Prefix& prefix) {
  // Address, length, family; an IPv4 address fills the first four of the sixteen bytes.
  char bytes[18];
  std::memcpy(bytes, prefix.address().bytes().data(), 16);
  bytes[16] = static_cast<char>(prefix.length());
  bytes[17] = static_cast<char>(prefix.family());
  return siphash(key, {bytes, sizeof bytes});
}

}  // namespace warder::jail
