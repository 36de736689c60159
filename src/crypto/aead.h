#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstddef>

// AES-256-GCM (NIST SP 800-38D), one shot.
namespace warder::crypto {

constexpr std::size_t kAeadKeySize = 32;
constexpr std::size_t kAeadNonceSize = 12;
constexpr std::size_t kAeadTagSize = 16;

// Ciphertext followed by the 16 bytes of the tag. A nonce must never be used twice with one key.
// `associated` is authenticated but not encrypted. kInternal for a wrong key or nonce size.
util::Result<util::Bytes> aead_seal(util::ByteView key, util::ByteView nonce,
                                    util::ByteView associated, util::ByteView plain);

// The plain text, or kInvalid when anything at all was changed (or the key is another one): which
// of the two cannot be told, and no part of the text is given out.
util::Result<SecretString> aead_open(util::ByteView key, util::ByteView nonce,
                                     util::ByteView associated, util::ByteView sealed);

}  // namespace warder::crypto
