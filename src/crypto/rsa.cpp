#include "crypto/rsa.h"

#include "crypto/openssl_handles.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace warder::crypto {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kLongestPem = 64 * 1024;
constexpr int kFewestBits = 2048;
constexpr int kMostBits = 8192;

// What OpenSSL's call back for the passphrase was asked, and what it can answer.
struct Passphrase {
  const SecretString* secret = nullptr;
  bool asked = false;
};

// Without a call back OpenSSL would ask the terminal.
int give_passphrase(char* buffer, int size, int /*writing*/, void* user) {
  auto* passphrase = static_cast<Passphrase*>(user);
  passphrase->asked = true;
  const std::string_view secret = passphrase->secret->view();
  if (secret.empty() || size < 0 || secret.size() > static_cast<std::size_t>(size)) {
    return -1;
  }
  std::memcpy(buffer, secret.data(), secret.size());
  return static_cast<int>(secret.size());
}

}  // namespace

void RsaPrivateKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

util::Result<RsaPrivateKey> RsaPrivateKey::generate(unsigned bits) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits));
  if (key == nullptr) {
    ERR_clear_error();
    return Error(ErrorCode::kInternal, "OpenSSL could not make an RSA key");
  }
  return RsaPrivateKey(key);
}

util::Result<RsaPrivateKey> RsaPrivateKey::from_pem(std::string_view pem,
                                                    const SecretString& passphrase) {
  Passphrase asked{.secret = &passphrase};
  Key key;
  if (pem.size() <= kLongestPem) {
    const Bio bio = read_from(pem);
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &asked));
  }
  ERR_clear_error();
  if (!key && asked.asked) {
    return Error(ErrorCode::kInvalid, passphrase.empty()
                                          ? "the private key is encrypted; give its passphrase"
                                          : "the passphrase does not open the private key");
  }
  if (!key) {
    return Error(ErrorCode::kInvalid,
                 "no private key; expected a PEM block 'PRIVATE KEY' or 'RSA PRIVATE KEY'");
  }
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_RSA) {
    return Error(ErrorCode::kInvalid, "the private key is no RSA key");
  }
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kFewestBits || bits > kMostBits) {
    return Error(ErrorCode::kInvalid, fmt::format("the RSA key has {} bits; allowed are {} to {}",
                                                  bits, kFewestBits, kMostBits));
  }
  return RsaPrivateKey(key.release());
}

util::Result<util::Bytes> RsaPrivateKey::sign_sha256(util::ByteView message) const {
  const Context context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::kInternal, "OpenSSL could not sign");
  }
  util::Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::kInternal, "OpenSSL could not sign");
  }
  signature.resize(size);
  return signature;
}

util::Bytes RsaPrivateKey::public_key_der() const {
  const int size = i2d_PUBKEY(key_.get(), nullptr);
  if (size <= 0) {
    throw std::bad_alloc();
  }
  util::Bytes der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  i2d_PUBKEY(key_.get(), &out);
  return der;
}

SecretString RsaPrivateKey::to_pem() const {
  // A secure-memory BIO wipes what it held.
  const Bio bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return SecretString::take(content_of(bio.get()));
}

}  // namespace warder::crypto
