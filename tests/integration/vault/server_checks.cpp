// What only the library has, against the real server that server_test.py starts: transit.
#include "util/clock.h"
#include "vault/transit.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace warder;
using crypto::SecretString;
using util::ErrorCode;

namespace {

vault::ServerVaultOptions options() {
  vault::ServerVaultOptions made;
  made.connection.addresses = {std::getenv("VAULT_ADDR")};
  made.connection.ca_file = std::getenv("VAULT_CACERT");
  made.login.secret = []() -> util::Result<SecretString> {
    return SecretString(std::getenv("VAULT_TOKEN"));
  };
  return made;
}

util::ByteView bytes(std::string_view text) { return util::as_bytes(text); }

}  // namespace

TEST_CASE("a data key opens only with the same associated data, also after a rewrap") {
  const util::SystemClock clock;
  vault::ServerVault server(options(), clock, 1);
  vault::Transit transit(server);
  const auto made = transit.make_data_key("backup", bytes("web-1 2026-11-02"));
  REQUIRE(made);
  CHECK(made->key.size() == 32);
  CHECK(made->wrapped.starts_with("vault:v1:"));
  const auto opened = transit.open_data_key("backup", made->wrapped, bytes("web-1 2026-11-02"));
  REQUIRE(opened);
  CHECK(*opened == made->key);
  CHECK(transit.open_data_key("backup", made->wrapped, bytes("web-2 2026-11-02")).error().code() ==
        ErrorCode::kInvalid);
  std::string changed = made->wrapped;
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  CHECK_FALSE(transit.open_data_key("backup", changed, bytes("web-1 2026-11-02")));
  vault::Call rotate;
  rotate.method = http::Method::kPost;
  rotate.path = "transit/keys/backup/rotate";
  REQUIRE(server.ask(std::move(rotate)).ok());
  const auto plain = transit.make_data_key("backup", {});
  REQUIRE(plain);
  CHECK(plain->key_version == 2);
  const auto fresh = transit.rewrap("backup", made->wrapped, bytes("web-1 2026-11-02"));
  REQUIRE(fresh);
  CHECK(fresh->starts_with("vault:v2:"));
  CHECK(*transit.open_data_key("backup", *fresh, bytes("web-1 2026-11-02")) == made->key);
  const auto again = transit.rewrap("backup", plain->wrapped, {});
  REQUIRE(again);
  CHECK(*transit.open_data_key("backup", *again, {}) == plain->key);
}

TEST_CASE("a checkpoint is signed by a key that never leaves the vault") {
  const util::SystemClock clock;
  vault::ServerVault server(options(), clock, 1);
  vault::Transit transit(server);
  const std::string checkpoint = "web-1\n42\nroothash\n";
  const auto signature = transit.sign("backup-sign", bytes(checkpoint));
  REQUIRE(signature);
  CHECK(*transit.verify("backup-sign", bytes(checkpoint), *signature));
  CHECK_FALSE(*transit.verify("backup-sign", bytes("web-1\n41\nroothash\n"), *signature));
  CHECK(transit.sign("no-such-key", bytes(checkpoint)).error().code() == ErrorCode::kInvalid);
}
