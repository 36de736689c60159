#pragma once

#include "net/address.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace warder::jail {

// The secret of a table that strangers fill: 16 random bytes, drawn once at start by the engine and
// never shown. Who does not know it cannot choose addresses that fall into one place.
struct HashKey {
  std::array<std::uint8_t, 16> bytes{};
};

// SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits.
std::uint64_t siphash(const HashKey& key, std::string_view bytes);

// Of address, family and length: 192.0.2.0/24 and 192.0.2.0/32 differ. With a secret key two of a
// million prefixes share a hash with a probability of 3e-8, and nobody can look for such a pair.
std::uint64_t hash_prefix(const HashKey& key, const net::Prefix& prefix);

}  // namespace warder::jail
