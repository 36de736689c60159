#include "vault/oci_session.h"

#include "crypto/secret.h"
#include "vault/oci_client.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

// The token that is being exchanged signs, whatever the account does meanwhile.
class Signer : public oci::Credentials {
 public:
  explicit Signer(oci::Identity identity) : identity_(std::move(identity)) {}

  util::Result<oci::Identity> current() override { return identity_; }
  util::Result<bool> renew() override { return false; }
  std::string_view kind() const override { return "security token"; }
  std::string tenancy() const override { return {}; }

 private:
  const oci::Identity identity_;
};

}  // namespace

oci::SecurityToken::Refresh oci_session_refresh(oci::Endpoints endpoints, http::ClientOptions http,
                                                const util::Clock& clock) {
  return [endpoints = std::move(endpoints), http = std::move(http), &clock](
             const oci::Identity& identity, std::string_view token) -> util::Result<std::string> {
    Signer signer(identity);
    OciClient client(signer, endpoints, http, clock);
    std::string body = nlohmann::json{{"currentToken", token}}.dump();
    auto answer = client.call({.service = oci::Service::kAuth,
                               .method = http::Method::kPost,
                               .path = "/authentication/refresh",
                               .body = body,
                               .what = "refreshing the session"});
    crypto::wipe(&body);
    if (!answer) {
      return answer.error();
    }
    const auto json = nlohmann::json::parse(answer->body, nullptr, false);
    const auto found = json.is_object() ? json.find("token") : json.end();
    if (!json.is_object() || found == json.end() || !found->is_string()) {
      return Error(ErrorCode::kInvalid, "the token service answered without a token");
    }
    return found->get<std::string>();
  };
}

}  // namespace warder::vault
