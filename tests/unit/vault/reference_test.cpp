#include "vault/reference.h"

#include "log/log.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <sys/stat.h>

using namespace warder;
using config::SecretReference;
using crypto::SecretString;
using util::ErrorCode;
using Kind = SecretReference::Kind;

namespace {

std::string member(std::string_view document, std::string_view key) {
  const auto found = vault::document_member(SecretString(document), key);
  return found ? std::string(found->view()) : "error: " + found.error().message();
}

}  // namespace

TEST_CASE("a member of a JSON document") {
  CHECK(member(R"({"a":"1","b":"two"})", "b") == "two");
  CHECK(member(R"({"a":{"b":"inner"},"l":["b"],"n":1e9,"t":true,"z":null,"b":"outer"})", "b") ==
        "outer");
  CHECK(member(R"({"k":"line\n\u00e9"})", "k") == "line\n\xC3\xA9");
}

TEST_CASE("documents that do not hold it say why and not what") {
  const auto check = [](std::string_view document, std::string_view expected) {
    const std::string text = member(document, "b");
    CHECK(text == "error: " + std::string(expected));
    CHECK(text.find("canary") == std::string::npos);
  };
  check(R"({"a":"canary"})", "the document has no member 'b'");
  check(R"({"b":"canary","b":"canary"})", "member 'b': the document has the member twice");
  check(R"({"b":7})", "member 'b': the document has the member, but it is no string");
  check(R"({"b":{"x":"canary"}})", "member 'b': the document has the member, but it is no string");
  check(R"({"b":["canary"]})", "member 'b': the document has the member, but it is no string");
  check(R"(["canary"])", "member 'b': the document is no JSON object");
  check(R"("canary")", "member 'b': the document is no JSON object");
  check(R"({"b":"canary")", "member 'b': the document is no valid JSON");
  check("canary", "member 'b': the document is no valid JSON");
  check("", "member 'b': the document is no valid JSON");
  check(std::string(100'000, '[') + "canary", "member 'b': the document is no JSON object");
  check("{\"x\":" + std::string(100'000, '['), "member 'b': the document is nested too deep");
}

TEST_CASE("references are resolved, and registered as secrets") {
  const testing::TemporaryFolder folder;
  const vault::DocumentSource documents =
      [](std::string_view name) -> util::Result<vault::Document> {
    if (name != "alerts") {
      return util::Error(ErrorCode::kNotFound, "the vault has no document 'other'");
    }
    return vault::Document{SecretString(R"({"url":"https://canary-vault","empty":""})"), 1, {}};
  };
  CHECK(vault::resolve({Kind::kVault, "alerts", "url"}, documents)->view() ==
        "https://canary-vault");
  CHECK(log::redact("to https://canary-vault") == "to [redacted]");
  CHECK(vault::resolve({Kind::kVault, "alerts", "empty"}, documents).error().message() ==
        "vault:alerts/empty: the secret is empty");
  CHECK(vault::resolve({Kind::kVault, "other", "x"}, documents).error().message() ==
        "vault:other/x: the vault has no document 'other'");
  CHECK(vault::resolve({Kind::kVault, "alerts", "url"}, {}).error().message() ==
        "vault:alerts/url: no vault is set up; see [vault], or use a file: or credential: "
        "reference");

  const auto file = folder.write("token", "canary-file\n");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  CHECK(vault::resolve({Kind::kFile, "", file.string()}, {})->view() == "canary-file");
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  CHECK(vault::resolve({Kind::kFile, "", file.string()}, {}).error().message() ==
        "file:" + file.string() + ": " + file.string() +
            ": the secret has mode 0644, so other users can read it; run: chmod 0600 " +
            file.string());

  ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  CHECK(vault::resolve({Kind::kCredential, "", "token"}, {})->view() == "canary-file");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}
