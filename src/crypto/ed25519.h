#pragma once

#include "util/encoding.h"
#include "util/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace warder::crypto {

using Ed25519Signature = std::array<std::uint8_t, 64>;

// The public half of an Ed25519 key (RFC 8032): 32 bytes, a plain value.
struct Ed25519PublicKey {
  std::array<std::uint8_t, 32> bytes{};

  // "-----BEGIN PUBLIC KEY-----" (SubjectPublicKeyInfo, RFC 8410). kInvalid for anything else.
  static util::Result<Ed25519PublicKey> from_pem(std::string_view pem);
  std::string to_pem() const;

  bool verify(util::ByteView message, const Ed25519Signature& signature) const;

  friend auto operator<=>(const Ed25519PublicKey&, const Ed25519PublicKey&) = default;
};

// The secret half. Held by OpenSSL, which wipes it when the object goes. Movable, not copyable; one
// thread at a time. Never printed: no function here puts it into an error text.
class Ed25519SecretKey {
 public:
  static util::Result<Ed25519SecretKey> generate();
  // The 32 secret bytes (the seed of RFC 8032). kInvalid for another length.
  static util::Result<Ed25519SecretKey> from_bytes(util::ByteView secret);
  // "-----BEGIN PRIVATE KEY-----" (PKCS #8, unencrypted). kInvalid for anything else.
  static util::Result<Ed25519SecretKey> from_pem(std::string_view pem);

  // The caller keeps the result secret and wipes it.
  util::Bytes to_bytes() const;
  std::string to_pem() const;

  Ed25519PublicKey public_key() const;
  util::Result<Ed25519Signature> sign(util::ByteView message) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit Ed25519SecretKey(evp_pkey_st* key) : key_(key) {}

  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace warder::crypto
