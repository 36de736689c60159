#include "crypto/aead.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

util::Bytes hex(std::string_view text) { return *util::from_hex(text); }

// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
const util::Bytes kKey = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
const util::Bytes kNonce = hex("cafebabefacedbaddecaf888");
const util::Bytes kAssociated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const util::Bytes kPlain =
    hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
const util::Bytes kSealed =
    hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");

}  // namespace

TEST_CASE("AES-256-GCM gives the published vectors") {
  CHECK(*crypto::aead_seal(kKey, kNonce, kAssociated, kPlain) == kSealed);
  const auto opened = crypto::aead_open(kKey, kNonce, kAssociated, kSealed);
  REQUIRE(opened);
  CHECK(util::Bytes(opened->bytes().begin(), opened->bytes().end()) == kPlain);
  // Test case 13: nothing at all still has a tag.
  CHECK(*crypto::aead_seal(util::Bytes(32), util::Bytes(12), {}, {}) ==
        hex("530f8afbc74536b9a963b4f1c4cb738b"));
}

TEST_CASE("any changed bit is refused") {
  for (std::size_t bit = 0; bit < kSealed.size() * 8; ++bit) {
    util::Bytes changed = kSealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto opened = crypto::aead_open(kKey, kNonce, kAssociated, changed);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == util::ErrorCode::kInvalid);
  }
  CHECK_FALSE(crypto::aead_open(kKey, kNonce, {}, kSealed));
  CHECK_FALSE(crypto::aead_open(util::Bytes(32), kNonce, kAssociated, kSealed));
  CHECK_FALSE(crypto::aead_open(kKey, kNonce, kAssociated, util::ByteView(kSealed).first(15)));
}

TEST_CASE("wrong sizes are a defect, not a crash") {
  CHECK(crypto::aead_seal(util::Bytes(16), kNonce, {}, {}).error().code() ==
        util::ErrorCode::kInternal);
  CHECK(crypto::aead_open(kKey, util::Bytes(8), {}, kSealed).error().code() ==
        util::ErrorCode::kInternal);
}
