#include "crypto/aead.h"

#include <openssl/evp.h>

#include <limits>
#include <memory>

namespace warder::crypto {
namespace {

using util::Error;
using util::ErrorCode;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

bool fits_int(std::size_t size) {
  return size <= static_cast<std::size_t>(std::numeric_limits<int>::max());
}

util::Status check_sizes(util::ByteView key, util::ByteView nonce, util::ByteView associated,
                         util::ByteView text) {
  if (key.size() != kAeadKeySize || nonce.size() != kAeadNonceSize || !fits_int(text.size()) ||
      !fits_int(associated.size())) {
    return Error(ErrorCode::kInternal, "AES-256-GCM called with a wrong key, nonce or text size");
  }
  return {};
}

Error library_error() { return Error(ErrorCode::kInternal, "AES-256-GCM failed in OpenSSL"); }

}  // namespace

util::Result<util::Bytes> aead_seal(util::ByteView key, util::ByteView nonce,
                                    util::ByteView associated, util::ByteView plain) {
  WARDER_RETURN_IF_ERROR(check_sizes(key, nonce, associated, plain));
  const Context context(EVP_CIPHER_CTX_new());
  util::Bytes out(plain.size() + kAeadTagSize);
  int length = 0;
  if (!context ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) !=
          1 ||
      (!associated.empty() && EVP_EncryptUpdate(context.get(), nullptr, &length, associated.data(),
                                                static_cast<int>(associated.size())) != 1) ||
      (!plain.empty() && EVP_EncryptUpdate(context.get(), out.data(), &length, plain.data(),
                                           static_cast<int>(plain.size())) != 1) ||
      EVP_EncryptFinal_ex(context.get(), out.data() + plain.size(), &length) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kAeadTagSize,
                          out.data() + plain.size()) != 1) {
    return library_error();
  }
  return out;
}

util::Result<SecretString> aead_open(util::ByteView key, util::ByteView nonce,
                                     util::ByteView associated, util::ByteView sealed) {
  WARDER_RETURN_IF_ERROR(check_sizes(key, nonce, associated, sealed));
  const Error refused(ErrorCode::kInvalid, "wrong key, or the content was changed");
  if (sealed.size() < kAeadTagSize) {
    return refused;
  }
  const util::ByteView cipher = sealed.first(sealed.size() - kAeadTagSize);
  util::Bytes tag(sealed.end() - kAeadTagSize, sealed.end());
  const Context context(EVP_CIPHER_CTX_new());
  SecretString plain = SecretString::of_size(cipher.size());
  int length = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) !=
          1 ||
      (!associated.empty() && EVP_DecryptUpdate(context.get(), nullptr, &length, associated.data(),
                                                static_cast<int>(associated.size())) != 1) ||
      (!cipher.empty() && EVP_DecryptUpdate(context.get(), plain.mutable_bytes().data(), &length,
                                            cipher.data(), static_cast<int>(cipher.size())) != 1) ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kAeadTagSize, tag.data()) != 1) {
    return library_error();
  }
  std::uint8_t none = 0;
  if (EVP_DecryptFinal_ex(context.get(), &none, &length) != 1) {
    return refused;
  }
  return plain;
}

}  // namespace warder::crypto
