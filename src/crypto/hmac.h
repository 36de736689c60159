#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"

#include <array>
#include <cstdint>

namespace warder::crypto {

using Hmac = std::array<std::uint8_t, 32>;

// HMAC-SHA256 (RFC 2104, FIPS 198-1).
util::Result<Hmac> hmac_sha256(util::ByteView key, util::ByteView data);

// HKDF-SHA256 (RFC 5869), extract and expand. `size` at most 8,160 bytes.
util::Result<SecretString> hkdf_sha256(util::ByteView key, util::ByteView salt, util::ByteView info,
                                       std::size_t size);

}  // namespace warder::crypto
