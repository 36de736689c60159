#include "crypto/secret.h"

#include "crypto/random.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <ostream>
#include <type_traits>
#include <utility>

using namespace warder;
using crypto::SecretString;

TEST_CASE("a secret moves, compares and gives its bytes") {
  SecretString a("hunter2");
  CHECK(a.view() == "hunter2");
  CHECK(a.size() == 7);
  const SecretString b = a.copy();
  CHECK(a == b);
  SecretString c = std::move(a);
  CHECK(c == b);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): what a moved-from secret holds is the point
  c = SecretString("hunter3");
  CHECK_FALSE(c == b);
  CHECK_FALSE(c == SecretString());
  CHECK(SecretString() == SecretString(""));
}

TEST_CASE("taking a string empties it") {
  std::string text = "hunter2";
  const SecretString secret = SecretString::take(std::move(text));
  CHECK(secret.view() == "hunter2");
  CHECK(text.empty());  // NOLINT(bugprone-use-after-move)
}

template <typename T>
concept Streams = requires(std::ostream& out, const T& value) { out << value; };

TEST_CASE("a secret has no way to be copied or printed in passing") {
  CHECK_FALSE(std::is_copy_constructible_v<SecretString>);
  CHECK_FALSE(std::is_copy_assignable_v<SecretString>);
  CHECK_FALSE(std::is_convertible_v<SecretString, std::string_view>);
  CHECK_FALSE(fmt::is_formattable<SecretString>::value);
  CHECK_FALSE(Streams<SecretString>);
}

TEST_CASE("random bytes differ") {
  std::uint8_t a[32] = {};
  std::uint8_t b[32] = {};
  REQUIRE(crypto::random_bytes(a));
  REQUIRE(crypto::random_bytes(b));
  CHECK_FALSE(std::equal(std::begin(a), std::end(a), std::begin(b)));
  CHECK(crypto::random_seed() != crypto::random_seed());
}
