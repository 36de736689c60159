#include "util/encoding.h"

#include "util/bytes.h"

#include <catch2/catch.hpp>

using namespace warder::util;

TEST_CASE("base64 of RFC 4648 section 10") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    CHECK(to_base64(as_bytes(plain)) == text);
    const auto decoded = from_base64(text);
    REQUIRE(decoded);
    CHECK(as_text(*decoded) == plain);
  }
  for (const char* wrong : {"Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v Zm9v", "Zg==Zg=="}) {
    INFO(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}

TEST_CASE("hexadecimal") {
  CHECK(to_hex(as_bytes("\x01\xAB")) == "01ab");
  REQUIRE(from_hex("01aB"));
  CHECK(as_text(*from_hex("01aB")) == "\x01\xAB");
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}

TEST_CASE("sizes") {
  CHECK(parse_bytes("4096")->value == 4096);
  CHECK(parse_bytes("256K")->value == 262144);
  CHECK(parse_bytes("10 MB")->value == 10485760);
  CHECK(parse_bytes("1GiB")->value == 1073741824);
  for (const char* wrong : {"", "K", "-1", "1X", "1KX", "99999999999999999999", "16777216T"}) {
    INFO(wrong);
    CHECK_FALSE(parse_bytes(wrong));
  }
  CHECK(format_bytes(kibibytes(256)) == "256K");
  CHECK(format_bytes(mebibytes(10)) == "10M");
  CHECK(format_bytes(ByteCount{1000}) == "1000");
}
