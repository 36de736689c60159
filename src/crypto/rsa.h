#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace warder::crypto {

// The secret half of an RSA key of 2,048 to 8,192 bits. Held by OpenSSL, which wipes it when the
// object goes. Movable, not copyable; const functions may be called from several threads. Never
// printed: no function here puts it, or its passphrase, into an error text.
class RsaPrivateKey {
 public:
  // A new key; takes some tenths of a second.
  static util::Result<RsaPrivateKey> generate(unsigned bits = 2048);
  // PKCS #8 (RFC 5958) or PKCS #1 (RFC 8017, appendix A.1.2), plain or encrypted, the old
  // `DEK-Info` encryption included. Text before and behind the block is ignored. A passphrase for a
  // key that is not encrypted does no harm. kInvalid says which of these it is: no key, another
  // kind of key, too short, passphrase missing, passphrase wrong.
  static util::Result<RsaPrivateKey> from_pem(std::string_view pem,
                                              const SecretString& passphrase = {});

  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2): the same text gives the same signature.
  util::Result<util::Bytes> sign_sha256(util::ByteView message) const;

  // SubjectPublicKeyInfo (RFC 5280 section 4.1), DER.
  util::Bytes public_key_der() const;
  // PKCS #8, not encrypted.
  SecretString to_pem() const;

 private:
  friend class Certificate;
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit RsaPrivateKey(evp_pkey_st* key) : key_(key) {}

  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace warder::crypto
