#include "crypto/hmac.h"

#include <catch2/catch.hpp>

using namespace warder;

TEST_CASE("HMAC-SHA256 gives the vectors of RFC 4231") {
  CHECK(util::to_hex(*crypto::hmac_sha256(util::Bytes(20, 0x0b), util::as_bytes("Hi There"))) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(util::to_hex(*crypto::hmac_sha256(util::as_bytes("Jefe"),
                                          util::as_bytes("what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // The empty key and text (a vector of many libraries).
  CHECK(util::to_hex(*crypto::hmac_sha256({}, {})) ==
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("HKDF-SHA256 gives the vectors of RFC 5869") {
  const auto derived =
      crypto::hkdf_sha256(util::Bytes(22, 0x0b), *util::from_hex("000102030405060708090a0b0c"),
                          *util::from_hex("f0f1f2f3f4f5f6f7f8f9"), 42);
  REQUIRE(derived);
  CHECK(util::to_hex(derived->bytes()) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}
