#include "oci/config_file.h"

#include <catch2/catch.hpp>

#include <string>

namespace {

using namespace warder;

constexpr const char* kText = R"(# written by hand
[DEFAULT]
user = ocid1.user.oc1..aaaaexample
fingerprint=AA:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99
tenancy=ocid1.tenancy.oc1..aaaaexample
region=eu-frankfurt-1
key_file=~/.oci/key.pem
pass_phrase = not shown
; another
[session]
security_token_file = /run/token
region: fra
[broken]
user = root
)";

}  // namespace

TEST_CASE("a profile inherits what [DEFAULT] has") {
  const auto plain = oci::parse_profile(kText, "DEFAULT", "/home/op");
  REQUIRE(plain);
  CHECK(plain->user == "ocid1.user.oc1..aaaaexample");
  CHECK(plain->fingerprint == "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99");
  CHECK(plain->key_file == "/home/op/.oci/key.pem");
  CHECK(plain->passphrase.view() == "not shown");
  CHECK(plain->security_token_file.empty());

  const auto session = oci::parse_profile(kText, "session", "/home/op");
  REQUIRE(session);
  CHECK(session->region == "fra");
  CHECK(session->tenancy == "ocid1.tenancy.oc1..aaaaexample");
  CHECK(session->security_token_file == "/run/token");
}

TEST_CASE("what is wrong in the file is named, a passphrase never") {
  const auto error = [](const char* text, const char* name) {
    return oci::parse_profile(text, name, "/h").error().message();
  };
  CHECK(error(kText, "prod") == "there is no profile [prod]; there are: DEFAULT, broken, session");
  CHECK(error(kText, "broken") ==
        "profile [broken]: user must be an OCID such as ocid1.user.oc1..aaaa");
  CHECK(error("[a\n", "a") == "line 1: '[' without ']'");
  CHECK(error("x = 1\n", "a") == "line 1: a key before the first [PROFILE]");
  CHECK(error("[a]\nsecret words\n", "a") == "line 2: expected KEY = VALUE");
  CHECK(error("[a]\ntenancy = ocid1.tenancy.oc1..a\n", "a") ==
        "profile [a]: key_file is missing: the file with the private key");
}

TEST_CASE("OCIDs and fingerprints are told from other text") {
  CHECK(oci::is_ocid("ocid1.vaultsecret.oc1.eu-frankfurt-1.amaaaaaa"));
  CHECK(oci::is_ocid("ocid1.tenancy.oc1..aaaa"));
  CHECK_FALSE(oci::is_ocid("ocid1.tenancy.oc1."));
  CHECK_FALSE(oci::is_ocid("jails"));
  CHECK_FALSE(oci::is_ocid("ocid1.tenancy.oc1..aa\"aa"));
  CHECK_FALSE(oci::is_fingerprint("aa:bb"));
  CHECK_FALSE(oci::is_fingerprint("aa-bb-cc-dd-ee-ff-00-11-22-33-44-55-66-77-88-99"));
}
