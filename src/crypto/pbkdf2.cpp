#include "crypto/pbkdf2.h"

#include <openssl/evp.h>

#include <limits>

namespace warder::crypto {

util::Result<SecretString> pbkdf2_sha256(util::ByteView passphrase, util::ByteView salt,
                                         std::uint32_t iterations, std::size_t size) {
  SecretString key = SecretString::of_size(size);
  constexpr auto kMost = static_cast<std::uint32_t>(std::numeric_limits<int>::max());
  if (iterations == 0 || iterations > kMost || size == 0 || size > kMost ||
      PKCS5_PBKDF2_HMAC(util::as_text(passphrase).data(), static_cast<int>(passphrase.size()),
                        salt.data(), static_cast<int>(salt.size()), static_cast<int>(iterations),
                        EVP_sha256(), static_cast<int>(size), key.mutable_bytes().data()) != 1) {
    return util::Error(util::ErrorCode::kInternal, "PBKDF2 failed in OpenSSL");
  }
  return key;
}

}  // namespace warder::crypto
