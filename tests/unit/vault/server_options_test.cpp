#include "vault/server_options.h"

#include "config/check.h"
#include "config/ini.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/file.h"
#include "vault/keys.h"
#include "vault/oci_options.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <sys/stat.h>

using namespace warder;
using namespace std::chrono_literals;

namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

config::Checked checked(std::string_view text) {
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini("[vault]\n" + std::string(text), "warder.conf", diagnostics));
  const config::Table* const tables[] = {&vault::vault_table(), &vault::server_table(),
                                         &vault::oci_table()};
  config::Checked result = config::check_document(tables, document, diagnostics);
  REQUIRE(diagnostics.to_text() == "");
  return result;
}

vault::Environment environment(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

util::Result<vault::ServerVaultOptions> read(std::string_view text, Variables variables = {},
                                             const std::filesystem::path& state = {}) {
  const config::Checked all = checked(text);
  return vault::server_options(all.one(vault::server_table()), environment(std::move(variables)),
                               state);
}

std::string problems(std::string_view text, Variables variables = {}) {
  const auto options = read(text, std::move(variables));
  return options ? "" : options.error().message();
}

}  // namespace

TEST_CASE("the variables of the vault's own tools are enough") {
  const auto options = read("", {{"VAULT_ADDR", "https://vault.example:8200/"},
                                 {"VAULT_TOKEN", "canary-token"},
                                 {"VAULT_NAMESPACE", "team1/"},
                                 {"VAULT_MOUNT_PATH", "kv"},
                                 {"VAULT_KV_VERSION", "1"},
                                 {"VAULT_CACERT", "/ca.pem"},
                                 {"VAULT_CAPATH", "/ca.d"}});
  REQUIRE(options);
  CHECK(options->connection.addresses == std::vector<std::string>{"https://vault.example:8200"});
  CHECK(options->connection.name_space == "team1/");
  CHECK(options->connection.ca_file == "/ca.pem");
  CHECK(options->connection.ca_folder == "/ca.d");
  CHECK(options->connection.verify == http::Verify::kYes);
  CHECK(options->mount == "kv");
  CHECK(options->kv_version == 1);
  CHECK(options->login.method == vault::LoginMethod::kToken);
  CHECK(options->login.secret()->view() == "canary-token");
  // OpenBao's spelling.
  CHECK(read("", {{"BAO_ADDR", "https://bao.example"}, {"BAO_TOKEN", "t"}}));
}

TEST_CASE("a variable wins over its key, and VAULT_TOKEN over every login") {
  const std::string text =
      "address = https://a.example\nrole_id = from-file\nsecret_id = file:/nowhere\nmount = m\n";
  const auto file = read(text);
  REQUIRE(file);
  CHECK(file->login.method == vault::LoginMethod::kAppRole);
  CHECK(file->login.name == "from-file");
  CHECK(file->login.mount == "approle");
  CHECK(file->mount == "m");
  CHECK_FALSE(file->kv_version);
  const auto both = read(text, {{"VAULT_ADDR", "https://b.example"},
                                {"VAULT_ROLE_ID", "from-variable"},
                                {"VAULT_SECRET_ID", "s"}});
  REQUIRE(both);
  CHECK(both->connection.addresses.front() == "https://b.example");
  CHECK(both->login.name == "from-variable");
  CHECK(both->login.secret()->view() == "s");
  CHECK(read(text, {{"VAULT_TOKEN", "t"}})->login.method == vault::LoginMethod::kToken);
}

TEST_CASE("what is given decides how to log in") {
  using Method = vault::LoginMethod;
  const std::string address = "address = https://a.example\n";
  const auto kubernetes = read(address, {{"VAULT_KUBERNETES_ROLE", "guard"}});
  REQUIRE(kubernetes);
  CHECK(kubernetes->login.method == Method::kKubernetes);
  CHECK(kubernetes->login.name == "guard");
  CHECK(read(address + "username = u\npassword = file:/p\n")->login.method == Method::kUserpass);
  CHECK(read(address + "client_certificate = /c\nclient_key = /k\n")->login.method ==
        Method::kCertificate);
  const auto proxy = read("", {{"VAULT_PROXY_ADDR", "unix:///run/proxy.sock"}});
  REQUIRE(proxy);
  CHECK(proxy->login.method == Method::kProxy);
  CHECK(proxy->connection.socket == "/run/proxy.sock");
  CHECK(proxy->connection.addresses == std::vector<std::string>{"http://localhost"});
}

TEST_CASE("the service account's token is read anew at each login") {
  const testing::TemporaryFolder folder;
  const auto file = folder / "token";
  REQUIRE(util::write_file_atomically(file, "one\n", 0644));
  const auto options = read(
      "address = https://a.example\nkubernetes_role = guard\n"
      "kubernetes_token = " +
      file.string() + "\n");
  REQUIRE(options);
  CHECK(options->login.secret()->view() == "one");
  REQUIRE(util::write_file_atomically(file, "two\n", 0644));
  CHECK(options->login.secret()->view() == "two");
}

TEST_CASE("an unchecked certificate is for this machine, elsewhere it is said twice") {
  const Variables token{{"VAULT_TOKEN", "t"}};
  const Variables skip{{"VAULT_TOKEN", "t"}, {"VAULT_SKIP_VERIFY", "true"}};
  const std::string here = "address = https://127.0.0.1:8200\n";
  const std::string there = "address = https://vault.example:8200\n";
  const std::string key = "tls_skip_verify = yes\n";
  CHECK(read(here, token)->connection.verify == http::Verify::kYes);
  CHECK(read(here, skip)->connection.verify == http::Verify::kNo);
  CHECK(read(here + key, token)->connection.verify == http::Verify::kNo);
  const std::string refused =
      "[vault] tls_skip_verify: for a vault on another machine this must be said twice, by this "
      "key and by VAULT_SKIP_VERIFY=true; better name its authority in ca_file (VAULT_CACERT)";
  CHECK(problems(there, skip) == refused);
  CHECK(problems(there + key, token) == refused);
  CHECK(read(there + key, skip)->connection.verify == http::Verify::kNo);
  // One node elsewhere is elsewhere.
  CHECK(problems("address = https://127.0.0.1 https://vault.example\n", skip) == refused);
}

TEST_CASE("a token is not sent in the clear to another machine unless that is asked for") {
  const Variables token{{"VAULT_TOKEN", "t"}};
  CHECK(read("address = http://127.0.0.1:8200\n", token));
  CHECK(read("address = http://[::1]:8200\n", token));
  CHECK(read("address = http://localhost:8200\n", token));
  CHECK(problems("address = http://vault:8200\n", token) ==
        "[vault] address: http://vault:8200 is not encrypted: token and secrets would be readable "
        "on the way; use https://, or say plain_http = yes if the network is yours alone");
  CHECK(read("address = http://vault:8200\nplain_http = yes\n", token));
}

TEST_CASE("everything that is wrong is told at once, and no secret with it") {
  CHECK(problems("login = approle\nclient_key = /k\n", {{"VAULT_KV_VERSION", "3"}}) ==
        "[vault] address: is not set, nor VAULT_ADDR; write for instance "
        "https://vault.example.com:8200\n"
        "[vault] client_certificate: certificate and client_key belong together, one is missing\n"
        "[vault] role_id: is needed for login = approle (VAULT_ROLE_ID)\n"
        "[vault] secret_id: is needed for login = approle (VAULT_SECRET_ID)\n"
        "[vault] kv_version: VAULT_KV_VERSION is '3'; it may be 1 or 2");
  CHECK(problems("address = https://a.example\n").find("nothing says how to log in") !=
        std::string::npos);
  CHECK(problems("", {{"VAULT_ADDR", "vault.example"}, {"VAULT_TOKEN", "canary"}}) ==
        "[vault] address: 'vault.example' is no http or https address; write https:// (or http://) "
        "before it");
}

TEST_CASE("VAULT_ENABLED asks the server where provider says nothing") {
  const Variables enabled{{"VAULT_ENABLED", "true"}};
  const auto kind = [](std::string_view text, Variables variables) {
    return vault::vault_options(checked(text), {}, environment(std::move(variables))).kind;
  };
  CHECK(kind("", {}) == vault::ProviderKind::kFile);
  CHECK(kind("", enabled) == vault::ProviderKind::kServer);
  CHECK(kind("provider = file\n", enabled) == vault::ProviderKind::kFile);
  CHECK(kind("provider = vault\n", {}) == vault::ProviderKind::kServer);
}

TEST_CASE("copies are sealed with the vault's key, else with one made beside them") {
  const testing::TemporaryFolder folder;
  vault::VaultOptions options = vault::vault_options(checked(""), folder.path(), environment({}));
  options.key_file = folder / "vault.key";
  options.credential.clear();
  ::unsetenv("CREDENTIALS_DIRECTORY");
  const auto made = vault::copies_key(options);
  REQUIRE(made);
  CHECK(*vault::copies_key(options) == *made);
  CHECK(options.copies == folder / "vault-copies");
  CHECK(std::filesystem::status(options.copies).permissions() == std::filesystem::perms::owner_all);
}

TEST_CASE("a SecretID in a file of root's is the credential of its name where a unit gives one") {
  const testing::TemporaryFolder folder;
  const auto file = folder.write("vault.secret-id", "of-the-file\n");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  const auto options =
      read("address = https://a.example\nrole_id = r\nsecret_id = file:" + file.string() + "\n");
  REQUIRE(options);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(options->login.secret()->view() == "of-the-file");
  const testing::TemporaryFolder credentials;
  ::setenv("CREDENTIALS_DIRECTORY", credentials.path().c_str(), 1);
  CHECK(options->login.secret()->view() == "of-the-file");
  const auto handed_over = credentials.write("vault.secret-id", "none");
  REQUIRE(::chmod(handed_over.c_str(), 0600) == 0);
  CHECK(options->login.secret()->view() == "of-the-file");
  credentials.write("vault.secret-id", "of-the-unit\n");
  CHECK(options->login.secret()->view() == "of-the-unit");
  // A variable is meant for this one command.
  const auto variable =
      read("address = https://a.example\nrole_id = r\nsecret_id = file:" + file.string() + "\n",
           {{"VAULT_SECRET_ID", "of-the-variable"}});
  CHECK(variable->login.secret()->view() == "of-the-variable");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}
