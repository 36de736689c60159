#include "crypto/secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace warder::crypto {

SecretString::SecretString(std::string_view text) : SecretString(of_size(text.size())) {
  std::copy(text.begin(), text.end(), bytes_.get());
}

SecretString SecretString::take(std::string&& text) {
  SecretString secret{std::string_view(text)};
  crypto::wipe(&text);
  return secret;
}

SecretString SecretString::of_size(std::size_t size) {
  SecretString secret;
  if (size != 0) {
    secret.bytes_ = std::make_unique<std::uint8_t[]>(size);
    secret.size_ = size;
  }
  return secret;
}

SecretString::SecretString(SecretString&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretString::~SecretString() { wipe(); }

void SecretString::wipe() {
  if (bytes_) {
    OPENSSL_cleanse(bytes_.get(), size_);
  }
}

bool operator==(const SecretString& a, const SecretString& b) {
  return a.size_ == b.size_ &&
         (a.size_ == 0 || CRYPTO_memcmp(a.bytes_.get(), b.bytes_.get(), a.size_) == 0);
}

void wipe(std::string* text) {
  if (!text->empty()) {
    OPENSSL_cleanse(text->data(), text->size());
  }
  text->clear();
}

}  // namespace warder::crypto
