#include "http/url.h"

#include <catch2/catch.hpp>

using namespace warder;

TEST_CASE("what is no unreserved character is percent-encoded, byte by byte") {
  CHECK(http::percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(http::percent_encode("a b/c?d=\xc3\xa4%\n") == "a%20b%2Fc%3Fd%3D%C3%A4%25%0A");
  CHECK(http::percent_encode("a/b c", http::Slashes::kKept) == "a/b%20c");
}
