#include "crypto/ed25519.h"

#include "crypto/openssl_handles.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <new>

namespace warder::crypto {
namespace {

using util::Error;
using util::ErrorCode;

// Without a callback OpenSSL would ask the terminal for the passphrase of an encrypted key.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

constexpr std::size_t kLongestPem = 4096;

}  // namespace

util::Result<Ed25519PublicKey> Ed25519PublicKey::from_pem(std::string_view pem) {
  const Error refused(ErrorCode::kInvalid,
                      "no Ed25519 public key; expected a PEM block 'PUBLIC KEY'");
  if (pem.size() > kLongestPem) {
    return refused;
  }
  const Bio bio = read_from(pem);
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  Ed25519PublicKey result;
  std::size_t size = result.bytes.size();
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key.get(), result.bytes.data(), &size) != 1) {
    ERR_clear_error();
    return refused;
  }
  return result;
}

std::string Ed25519PublicKey::to_pem() const {
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!key || !bio || PEM_write_bio_PUBKEY(bio.get(), key.get()) != 1) {
    throw std::bad_alloc();
  }
  return content_of(bio.get());
}

bool Ed25519PublicKey::verify(util::ByteView message, const Ed25519Signature& signature) const {
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
  const Context context(EVP_MD_CTX_new());
  const bool good =
      key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

void Ed25519SecretKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

util::Result<Ed25519SecretKey> Ed25519SecretKey::generate() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) {
    ERR_clear_error();
    return Error(ErrorCode::kInternal, "OpenSSL could not make an Ed25519 key");
  }
  return Ed25519SecretKey(key);
}

util::Result<Ed25519SecretKey> Ed25519SecretKey::from_bytes(util::ByteView secret) {
  EVP_PKEY* key = secret.size() == 32 ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                                     secret.data(), secret.size())
                                      : nullptr;
  if (key == nullptr) {
    ERR_clear_error();
    return Error(ErrorCode::kInvalid, "an Ed25519 secret key has 32 bytes");
  }
  return Ed25519SecretKey(key);
}

util::Result<Ed25519SecretKey> Ed25519SecretKey::from_pem(std::string_view pem) {
  Key key;
  if (pem.size() <= kLongestPem) {
    const Bio bio = read_from(pem);
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  }
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    ERR_clear_error();
    return Error(ErrorCode::kInvalid,
                 "no Ed25519 secret key; expected a PEM block 'PRIVATE KEY' without a passphrase");
  }
  return Ed25519SecretKey(key.release());
}

util::Bytes Ed25519SecretKey::to_bytes() const {
  util::Bytes bytes(32);
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_private_key(key_.get(), bytes.data(), &size) != 1) {
    throw std::bad_alloc();
  }
  return bytes;
}

std::string Ed25519SecretKey::to_pem() const {
  // A secure-memory BIO wipes what it held.
  const Bio bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return content_of(bio.get());
}

Ed25519PublicKey Ed25519SecretKey::public_key() const {
  Ed25519PublicKey result;
  std::size_t size = result.bytes.size();
  if (EVP_PKEY_get_raw_public_key(key_.get(), result.bytes.data(), &size) != 1) {
    throw std::bad_alloc();
  }
  return result;
}

util::Result<Ed25519Signature> Ed25519SecretKey::sign(util::ByteView message) const {
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  const Context context(EVP_MD_CTX_new());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::kInternal, "OpenSSL could not sign");
  }
  return signature;
}

}  // namespace warder::crypto
