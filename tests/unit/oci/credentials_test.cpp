#include "oci/credentials.h"

#include "crypto/key_fingerprint.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"
#include "util/file.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <chrono>
#include <string>

namespace {

using namespace warder;
using namespace std::chrono;

const std::string& first_key() {
  static const std::string pem(crypto::RsaPrivateKey::generate().value().to_pem().view());
  return pem;
}
const std::string& second_key() {
  static const std::string pem(crypto::RsaPrivateKey::generate().value().to_pem().view());
  return pem;
}

std::string base64url(std::string_view text) {
  std::string out = util::to_base64(util::as_bytes(text));
  while (out.ends_with('=')) {
    out.pop_back();
  }
  return out;
}

std::string token(std::int64_t issued, std::int64_t ends) {
  return fmt::format(
      "{}.{}.c2ln", base64url("{}"),
      base64url(fmt::format(R"({{"iat":{},"exp":{},"res_tenant":"ocid1.t"}})", issued, ends)));
}

oci::Profile profile(const std::filesystem::path& folder) {
  oci::Profile p;
  p.user = "ocid1.user.oc1..u";
  p.tenancy = "ocid1.tenancy.oc1..t";
  p.fingerprint = "aa";
  p.key_file = folder / "key.pem";
  return p;
}

}  // namespace

TEST_CASE("an API key is read from a private file and read again when it is refused") {
  const testing::TemporaryFolder folder;
  REQUIRE(util::write_file_atomically(folder.path() / "key.pem", first_key(), 0600));
  const auto api_key = oci::ApiKey::create(profile(folder.path()));
  REQUIRE(api_key);
  CHECK((*api_key)->current()->key_id == "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa");
  // The fingerprint in the configuration is not that of the key: the key's own is tried, once.
  CHECK((*api_key)->renew().value());
  CHECK_FALSE((*api_key)->renew().value());
  REQUIRE(util::write_file_atomically(folder.path() / "key.pem", second_key(), 0600));
  CHECK((*api_key)->renew().value());
  // The new key's own name: `openssl rsa -pubout -outform DER | openssl md5 -c`.
  const auto second = crypto::RsaPrivateKey::from_pem(second_key());
  CHECK((*api_key)->current()->key_id == "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/" +
                                             crypto::md5_fingerprint(second->public_key_der()));
}

TEST_CASE("a private key that others may read is refused with the remedy") {
  const testing::TemporaryFolder folder;
  const auto path = (folder.path() / "key.pem").string();
  REQUIRE(util::write_file_atomically(path, first_key(), 0640));
  const auto refused = oci::ApiKey::create(profile(folder.path()));
  CHECK(refused.error().code() == util::ErrorCode::kDenied);
  CHECK(refused.error().message() == path +
                                         ": other users may read this private key; take that away "
                                         "with: chmod 600 " +
                                         path);
}

TEST_CASE("a resource principal comes from the environment or from the files it names") {
  const testing::TemporaryFolder folder;
  testing::ManualClock clock;
  const auto start = floor<seconds>(clock.now().time_since_epoch()).count();
  const std::string text = token(start, start + 3600);
  REQUIRE(util::write_file_atomically(folder.path() / "token", text, 0600));
  const auto principal = oci::ResourcePrincipal::create(
      {.version = "2.2", .token = (folder.path() / "token").string(), .key = first_key()}, clock);
  REQUIRE(principal);
  CHECK((*principal)->current()->key_id == "ST$" + text);
  CHECK((*principal)->tenancy() == "ocid1.t");
  CHECK(oci::ResourcePrincipal::create({.version = "1.1"}, clock).error().message() ==
        "OCI_RESOURCE_PRINCIPAL_VERSION is '1.1'; only 2.2 is known");
  CHECK(oci::ResourcePrincipal::create({.version = "2.2"}, clock).error().code() ==
        util::ErrorCode::kNotFound);
}

TEST_CASE("a token is renewed at half of its life, at the latest five minutes before its end") {
  const auto at = [](std::int64_t s) { return util::WallTime(seconds(s)); };
  CHECK(oci::renewal_time({.issued = at(1000), .ends = at(4600)}) == at(2800));
  CHECK(oci::renewal_time({.issued = at(1000), .ends = at(1400)}) == at(1200));
  CHECK(oci::renewal_time({.ends = at(4600)}) == at(4300));
  for (const char* wrong : {"", "a.b", "a.b.c", "e30.e30.e30", "e30.eyJleHAiOiJ4In0.e30",
                            "e30.eyJleHAiOi0xfQ.e30", "e30.eyJleHAiOjFlOTl9.e30"}) {
    INFO(wrong);
    CHECK(oci::read_token(wrong).error().code() == util::ErrorCode::kInvalid);
  }
}
