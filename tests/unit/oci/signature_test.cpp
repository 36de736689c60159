#include "oci/signature.h"

#include "crypto/certificate.h"
#include "crypto/rsa.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <map>
#include <string>

namespace {

using namespace warder;

// Keys, requests and signatures that the official clients made; the file says how.
const nlohmann::json& vectors() {
  static const nlohmann::json json = nlohmann::json::parse(
      std::ifstream(std::string(WARDER_SOURCE_DIR) + "/tests/unit/oci/signing_vectors.json"));
  return json;
}

crypto::RsaPrivateKey key(const nlohmann::json& group, const char* member) {
  auto result = crypto::RsaPrivateKey::from_pem(group[member].get<std::string>());
  REQUIRE(result);
  return std::move(result).value();
}

util::WallTime vector_time() {
  return util::WallTime(
      std::chrono::seconds(vectors()["generated_with"]["date_epoch"].get<std::int64_t>()));
}

std::string header(const nlohmann::json& request, const std::string& name) {
  for (const auto& pair : request["headers"]) {
    if (pair[0].get<std::string>() == name) {
      return pair[1].get<std::string>();
    }
  }
  return {};
}

}  // namespace

TEST_CASE("every signature of the official clients is reproduced byte for byte") {
  const auto api_key = key(vectors()["api_key"], "private_key_pkcs8_pem");
  const auto session = key(vectors()["security_token"], "session_private_key_pkcs8_pem");
  const auto leaf = key(vectors()["instance_metadata"], "identity/key.pem");
  int checked = 0;
  for (const auto& vector : vectors()["vectors"]) {
    const auto& request = vector["request"];
    const auto& expected = vector["expected"];
    const std::string key_id = expected["key_id"];
    const auto names = expected["signed_headers"].get<std::vector<std::string>>();
    if (names.front() != "date") {
      continue;  // the variant of another client, which signs x-date
    }
    const std::string name = vector["name"];
    INFO(name);
    const auto bytes = util::from_base64(request["body_base64"].get<std::string>());
    REQUIRE(bytes);
    const std::string method = request["method"];
    const std::string target = request["target"];
    const std::string host = request["host"];
    const std::string type = header(request, "content-type");
    oci::Request to_sign{.method = method,
                         .target = target,
                         .host = host,
                         .body = util::as_text(*bytes),
                         .content_type = type};
    const bool has_host = std::find(names.begin(), names.end(), "host") != names.end();
    if (!has_host) {
      to_sign.signed_set = oci::SignedSet::kFederation;
    } else if (method == "PUT" && names.size() == 3) {
      to_sign.signed_set = oci::SignedSet::kObject;
    }
    CHECK(oci::signing_string(to_sign, vector_time()) ==
          expected["signing_string"].get<std::string>());
    const crypto::RsaPrivateKey& signer = key_id.starts_with("ST$")                 ? session
                                          : key_id.find("/fed-x509") != key_id.npos ? leaf
                                                                                    : api_key;
    const auto headers = oci::sign(to_sign, key_id, signer, vector_time());
    REQUIRE(headers);
    const std::map<std::string, std::string> by_name(headers->begin(), headers->end());
    CHECK(by_name.at("date") == "Mon, 02 Nov 2026 12:00:00 GMT");
    CHECK(by_name.at("authorization")
              .find("signature=\"" + expected["signature"].get<std::string>() + "\"") !=
          std::string::npos);
    CHECK(by_name.at("authorization").find("keyId=\"" + key_id + "\"") != std::string::npos);
    std::string list;
    for (const std::string& signed_name : names) {
      list += (list.empty() ? "" : " ") + signed_name;
    }
    CHECK(by_name.at("authorization").find("headers=\"" + list + "\"") != std::string::npos);
    ++checked;
  }
  CHECK(checked == 36);
}

TEST_CASE("a key is read in each form that tools write") {
  const auto& group = vectors()["api_key"];
  const crypto::SecretString passphrase(group["pass_phrase"].get<std::string>());
  const auto plain = key(group, "private_key_pkcs8_pem").public_key_der();
  for (const char* form : {"private_key_pkcs1_pem", "private_key_encrypted_pkcs8_pem",
                           "private_key_encrypted_legacy_pem"}) {
    INFO(form);
    // What Oracle's tools append behind the block.
    const std::string pem = group[form].get<std::string>() + "OCI_API_KEY\n";
    const auto read = crypto::RsaPrivateKey::from_pem(pem, passphrase);
    REQUIRE(read);
    CHECK(read->public_key_der() == plain);
  }
  const std::string encrypted = group["private_key_encrypted_pkcs8_pem"];
  CHECK(crypto::RsaPrivateKey::from_pem(encrypted).error().message() ==
        "the private key is encrypted; give its passphrase");
  CHECK(
      crypto::RsaPrivateKey::from_pem(encrypted, crypto::SecretString("wrong")).error().message() ==
      "the passphrase does not open the private key");
  CHECK(crypto::RsaPrivateKey::from_pem("nothing").error().message() ==
        "no private key; expected a PEM block 'PRIVATE KEY' or 'RSA PRIVATE KEY'");
}

TEST_CASE("the certificate of an instance names its key and tenancy") {
  const auto& instance = vectors()["instance_metadata"];
  const auto leaf = crypto::Certificate::from_pem(instance["identity/cert.pem"].get<std::string>());
  REQUIRE(leaf);
  CHECK(leaf->sha256_fingerprint() == instance["leaf_fingerprint_sha256_lower"].get<std::string>());
  CHECK(leaf->belongs_to(key(instance, "identity/key.pem")));
  CHECK_FALSE(leaf->belongs_to(key(vectors()["api_key"], "private_key_pkcs8_pem")));
  const auto values = leaf->subject_values();
  CHECK(std::find(values.begin(), values.end(),
                  "opc-tenant:" + instance["tenancy_from_leaf"].get<std::string>()) !=
        values.end());
  CHECK(crypto::Certificate::from_pem("-----BEGIN CERTIFICATE-----\n").error().code() ==
        util::ErrorCode::kInvalid);
}

TEST_CASE("dates are written and read in the form of HTTP") {
  using namespace std::chrono;
  const util::WallTime leap(sys_days(year(2028) / 2 / 29) + 23h + 59min + 59s);
  CHECK(oci::format_http_date(leap) == "Tue, 29 Feb 2028 23:59:59 GMT");
  CHECK(oci::parse_http_date("Tue, 29 Feb 2028 23:59:59 GMT") == leap);
  CHECK(oci::format_http_date(util::WallTime(-1us)) == "Wed, 31 Dec 1969 23:59:59 GMT");
  for (const char* wrong : {"", "Tue, 30 Feb 2028 23:59:59 GMT", "Tue, 29 Feb 2028 24:00:00 GMT",
                            "Tue, 29 Feb 2028 23:59:59 CET", "Tuesday, 29-Feb-28 23:59:59 GMT",
                            "Tue, 29 feb 2028 23:59:59 GMT", "Tue, 29 Feb 2028 -3:59:59 GMT"}) {
    INFO(wrong);
    CHECK_FALSE(oci::parse_http_date(wrong));
  }
}
