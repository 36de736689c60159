#include "vault/keys.h"

#include "config/check.h"
#include "config/ini.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "vault/file_vault.h"
#include "vault/key.h"
#include "vault/oci_options.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace warder;
using namespace std::chrono_literals;

namespace {

vault::VaultOptions read(std::string_view text) {
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini(text, "warder.conf", diagnostics));
  const config::Table* const tables[] = {&vault::vault_table(), &vault::server_table(),
                                         &vault::oci_table()};
  const config::Checked checked = config::check_document(tables, document, diagnostics);
  REQUIRE(diagnostics.to_text() == "");
  return vault::vault_options(checked, "/var/lib/warder",
                              [](std::string_view) { return std::nullopt; });
}

}  // namespace

TEST_CASE("the table of the vault is sound") {
  CHECK(config::defects(vault::vault_table()) == std::vector<std::string>{});
  CHECK(config::defects(vault::server_table()) == std::vector<std::string>{});
  CHECK(config::defects(vault::oci_table()) == std::vector<std::string>{});
}

TEST_CASE("options with and without values") {
  const vault::VaultOptions defaults = read("");
  CHECK(defaults.path == "/var/lib/warder/vault.sealed");
  CHECK(defaults.credential == "vault.key");
  CHECK(defaults.key_file == "/etc/warder/vault.key");
  CHECK(defaults.mark == "/var/lib/warder/vault.sealed.mark");
  CHECK(defaults.versions == 10);
  CHECK(defaults.interval == 30s);
  const vault::VaultOptions set = read("[vault]\nmark = /x/mark\nversions = 3\ninterval = 5m\n");
  CHECK(set.mark == "/x/mark");
  CHECK(set.versions == 3);
  CHECK(set.interval == 300s);
}

TEST_CASE("the vault is opened with the credential, else with the key file") {
  const testing::TemporaryFolder folder;
  const testing::ManualClock clock;
  vault::VaultOptions options = read("");
  options.path = folder / "vault.sealed";
  options.credential = "vault.key";
  options.key_file = folder / "key";
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(vault::open_vault(options, vault::Copies::kNone, clock).error().message() ==
        options.path.string() + ": there is no vault; make one with: warder vault setup");
  REQUIRE(vault::create_key_file(options.key_file));
  auto key = vault::vault_key(options);
  REQUIRE(key);
  REQUIRE(vault::FileVault::create(options.path, std::move(*key), {}, clock));
  CHECK(vault::open_vault(options, vault::Copies::kNone, clock));
  folder.write("vault.key", std::string(64, 'a'));
  ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  CHECK(vault::open_vault(options, vault::Copies::kNone, clock).error().code() ==
        util::ErrorCode::kInvalid);
  // A credential that is there and bad is not passed over.
  folder.write("vault.key", "x");
  CHECK(vault::open_vault(options, vault::Copies::kNone, clock).error().code() ==
        util::ErrorCode::kInvalid);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  options.credential.clear();
  options.key_file.clear();
  CHECK(vault::vault_key(options).error().message() ==
        "the vault has no key: set credential or key_file in [vault]");
}
