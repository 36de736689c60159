#include "crypto/ed25519.h"

#include "util/encoding.h"

#include <catch2/catch.hpp>

using namespace warder;
using crypto::Ed25519PublicKey;
using crypto::Ed25519SecretKey;

namespace {

crypto::Ed25519Signature signature_of(const std::string& hex) {
  crypto::Ed25519Signature signature{};
  const util::Bytes bytes = *util::from_hex(hex);
  REQUIRE(bytes.size() == signature.size());
  std::copy(bytes.begin(), bytes.end(), signature.begin());
  return signature;
}

}  // namespace

// RFC 8032 section 7.1, TEST 1 and TEST 3.
TEST_CASE("Ed25519 gives the signatures of RFC 8032") {
  struct Vector {
    const char* secret;
    const char* key;
    const char* message;
    const char* signature;
  };
  const Vector vectors[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const Vector& vector : vectors) {
    const auto key = Ed25519SecretKey::from_bytes(*util::from_hex(vector.secret));
    REQUIRE(key);
    CHECK(util::to_hex(key->public_key().bytes) == vector.key);
    const util::Bytes message = *util::from_hex(vector.message);
    const auto signature = key->sign(message);
    REQUIRE(signature);
    CHECK(*signature == signature_of(vector.signature));
    CHECK(key->public_key().verify(message, *signature));
  }
}

TEST_CASE("a changed message, signature or key is refused") {
  const auto key = Ed25519SecretKey::generate();
  const auto other = Ed25519SecretKey::generate();
  REQUIRE(key);
  REQUIRE(other);
  const auto message = util::as_bytes("body");
  crypto::Ed25519Signature signature = *key->sign(message);
  CHECK(key->public_key().verify(message, signature));
  CHECK_FALSE(key->public_key().verify(util::as_bytes("bodz"), signature));
  CHECK_FALSE(other->public_key().verify(message, signature));
  signature[10] ^= 1U;
  CHECK_FALSE(key->public_key().verify(message, signature));
}

TEST_CASE("keys survive their text forms") {
  const auto key = Ed25519SecretKey::generate();
  REQUIRE(key);
  const auto from_pem = Ed25519SecretKey::from_pem(key->to_pem());
  REQUIRE(from_pem);
  CHECK(from_pem->to_bytes() == key->to_bytes());
  const auto public_key = Ed25519PublicKey::from_pem(key->public_key().to_pem());
  REQUIRE(public_key);
  CHECK(*public_key == key->public_key());
}

TEST_CASE("what is no key is refused without a word of it") {
  CHECK(Ed25519SecretKey::from_bytes(util::as_bytes("short")).error().message() ==
        "an Ed25519 secret key has 32 bytes");
  for (const std::string& text : {std::string("secret"), std::string(5000, 'x'), std::string()}) {
    CHECK(Ed25519SecretKey::from_pem(text).error().message() ==
          "no Ed25519 secret key; expected a PEM block 'PRIVATE KEY' without a passphrase");
    CHECK(Ed25519PublicKey::from_pem(text).error().message() ==
          "no Ed25519 public key; expected a PEM block 'PUBLIC KEY'");
  }
}
