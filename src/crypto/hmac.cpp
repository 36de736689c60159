#include "crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <memory>

namespace warder::crypto {
namespace {

struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

}  // namespace

util::Result<Hmac> hmac_sha256(util::ByteView key, util::ByteView data) {
  Hmac out{};
  unsigned length = 0;
  // A null key means "use the previous one" to OpenSSL.
  static constexpr std::uint8_t kEmpty = 0;
  if (HMAC(EVP_sha256(), key.empty() ? &kEmpty : key.data(), static_cast<int>(key.size()),
           data.data(), data.size(), out.data(), &length) == nullptr ||
      length != out.size()) {
    return util::Error(util::ErrorCode::kInternal, "HMAC-SHA256 failed in OpenSSL");
  }
  return out;
}

util::Result<SecretString> hkdf_sha256(util::ByteView key, util::ByteView salt, util::ByteView info,
                                       std::size_t size) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  SecretString out = SecretString::of_size(size);
  std::size_t length = size;
  if (!context || EVP_PKEY_derive_init(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) <= 0 ||
      EVP_PKEY_CTX_set1_hkdf_salt(context.get(), salt.data(), static_cast<int>(salt.size())) <= 0 ||
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), key.data(), static_cast<int>(key.size())) <= 0 ||
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), info.data(), static_cast<int>(info.size())) <= 0 ||
      EVP_PKEY_derive(context.get(), out.mutable_bytes().data(), &length) <= 0 || length != size) {
    return util::Error(util::ErrorCode::kInternal, "HKDF-SHA256 failed in OpenSSL");
  }
  return out;
}

}  // namespace warder::crypto
