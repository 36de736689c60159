#include "crypto/key_fingerprint.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>

namespace warder::crypto {

std::string md5_fingerprint(util::ByteView public_key_der) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(public_key_der.data(), public_key_der.size(), digest.data(), &size, EVP_md5(),
                 nullptr) != 1) {
    return {};
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += fmt::format("{}{:02x}", i == 0 ? "" : ":", digest[i]);
  }
  return text;
}

}  // namespace warder::crypto
