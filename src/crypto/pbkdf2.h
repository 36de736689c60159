#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>

namespace warder::crypto {

// PBKDF2 with HMAC-SHA256 (RFC 8018 section 5.2): `size` bytes from a passphrase.
util::Result<SecretString> pbkdf2_sha256(util::ByteView passphrase, util::ByteView salt,
                                         std::uint32_t iterations, std::size_t size);

}  // namespace warder::crypto
