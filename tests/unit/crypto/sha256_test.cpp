#include "crypto/sha256.h"

#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder;

// FIPS 180-4 examples, as published by NIST (SHA256.pdf) and the million-a vector of FIPS 180-2.
TEST_CASE("SHA-256 gives the published digests") {
  CHECK(util::to_hex(crypto::sha256(util::as_bytes(""))) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(util::to_hex(crypto::sha256(util::as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(util::to_hex(crypto::sha256(
            util::as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("pieces give the digest of the whole") {
  crypto::Sha256 stream;
  const std::string piece(1000, 'a');
  for (int i = 0; i < 1000; ++i) {
    stream.update(util::as_bytes(piece));
  }
  CHECK(util::to_hex(stream.finish()) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // finish() began anew.
  CHECK(stream.finish() == crypto::sha256({}));
}

TEST_CASE("a copy of a stream goes its own way") {
  crypto::Sha256 stream;
  stream.update(util::as_bytes("a"));
  crypto::Sha256 copy = stream;
  copy.update(util::as_bytes("bc"));
  stream.update(util::as_bytes("d"));
  CHECK(copy.finish() == crypto::sha256(util::as_bytes("abc")));
  CHECK(stream.finish() == crypto::sha256(util::as_bytes("ad")));
  copy.update(util::as_bytes("x"));
  stream = copy;
  CHECK(stream.finish() == crypto::sha256(util::as_bytes("x")));
  CHECK(copy.finish() == crypto::sha256(util::as_bytes("x")));
}
