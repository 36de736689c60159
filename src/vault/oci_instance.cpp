#include "vault/oci_instance.h"

#include "crypto/certificate.h"
#include "crypto/rsa.h"
#include "oci/answer.h"
#include "oci/signature.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::chrono::seconds kMetadataLimit{5};
// A certificate and a key that are fetched one after the other can be of two generations.
constexpr int kPairAttempts = 3;

std::string_view trimmed(const std::string& text) { return util::trim(text); }

}  // namespace

OciInstance::OciInstance(OciInstanceOptions options, const util::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      metadata_client_(http::ClientOptions{}),
      federation_client_([&] {
        http::ClientOptions http;
        http.ca_file = options_.ca_file;
        return http;
      }()) {}

util::Result<std::string> OciInstance::metadata(std::string_view path) {
  const std::string url = fmt::format("{}/{}", options_.metadata, path);
  http::Request request{.url = url, .headers = {{"authorization", "Bearer Oracle"}}, .body = {}};
  request.connect_timeout = kMetadataLimit;
  request.timeout = kMetadataLimit;
  const auto response = metadata_client_.perform(request);
  if (!response) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("the metadata service does not answer ({}): this host is no OCI "
                             "instance, or a firewall of its own blocks link-local addresses; "
                             "otherwise set oci_auth = api_key",
                             response.error().message()));
  }
  if (response->status != 200) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("the metadata service answered {} for {}; right after boot it needs a "
                             "moment",
                             response->status, path));
  }
  return std::string(trimmed(response->body));
}

util::Result<std::unique_ptr<OciInstance>> OciInstance::create(OciInstanceOptions options,
                                                               const util::Clock& clock) {
  std::unique_ptr<OciInstance> result(new OciInstance(std::move(options), clock));
  const std::lock_guard lock(result->mutex_);
  if (const auto info = result->metadata("instance/regionInfo")) {
    WARDER_ASSIGN_OR_RETURN(result->region_, oci::parse_region_info(*info));
  } else {
    WARDER_ASSIGN_OR_RETURN(const std::string name, result->metadata("instance/region"));
    WARDER_ASSIGN_OR_RETURN(result->region_, oci::find_region(name));
  }
  WARDER_RETURN_IF_ERROR(result->federate());
  return result;
}

util::Status OciInstance::federate() {
  std::optional<crypto::Certificate> leaf;
  std::optional<crypto::RsaPrivateKey> key;
  for (int attempt = 0; !key; ++attempt) {
    WARDER_ASSIGN_OR_RETURN(const std::string pem, metadata("identity/cert.pem"));
    WARDER_ASSIGN_OR_RETURN(std::string key_pem, metadata("identity/key.pem"));
    const auto secret = crypto::SecretString::take(std::move(key_pem));
    WARDER_ASSIGN_OR_RETURN(leaf, crypto::Certificate::from_pem(pem));
    WARDER_ASSIGN_OR_RETURN(crypto::RsaPrivateKey read,
                            crypto::RsaPrivateKey::from_pem(secret.view()));
    if (leaf->belongs_to(read)) {
      key = std::move(read);
    } else if (attempt + 1 == kPairAttempts) {
      return Error(ErrorCode::kUnavailable,
                   "the metadata service gives a certificate and a key that do not belong "
                   "together; they are being renewed, it is tried again");
    }
  }
  WARDER_ASSIGN_OR_RETURN(const std::string intermediate_pem,
                          metadata("identity/intermediate.pem"));
  WARDER_ASSIGN_OR_RETURN(const crypto::Certificate intermediate,
                          crypto::Certificate::from_pem(intermediate_pem));

  std::string tenancy;
  for (const std::string& value : leaf->subject_values()) {
    for (const std::string_view mark : {"opc-tenant:", "opc-identity:"}) {
      if (value.starts_with(mark)) {
        tenancy = value.substr(mark.size());
      }
    }
  }
  if (tenancy.empty()) {
    return Error(ErrorCode::kInvalid, "the certificate of this instance names no tenancy");
  }
  if (!tenancy_.empty() && tenancy != tenancy_) {
    return Error(ErrorCode::kDenied,
                 "the certificate of this instance names another tenancy than before; if the "
                 "instance was really moved, restart the agent");
  }

  WARDER_ASSIGN_OR_RETURN(crypto::RsaPrivateKey session, crypto::RsaPrivateKey::generate());
  const std::string body = nlohmann::json{{"certificate", leaf->to_base64()},
                                          {"publicKey", util::to_base64(session.public_key_der())},
                                          {"intermediateCertificates", {intermediate.to_base64()}},
                                          {"fingerprintAlgorithm", "SHA256"}}
                               .dump();
  const std::string url = options_.federation.empty()
                              ? oci::Endpoints(region_).base(oci::Service::kAuth) + "/x509"
                              : options_.federation;
  const auto path = url.find('/', url.find("://") + 3);
  const std::string key_id =
      fmt::format("{}/fed-x509-sha256/{}", tenancy, leaf->sha256_fingerprint());
  WARDER_ASSIGN_OR_RETURN(
      const auto headers,
      oci::sign({.method = "POST",
                 .target = path == std::string::npos ? std::string_view("/")
                                                     : std::string_view(url).substr(path),
                 .host = {},
                 .body = body,
                 .signed_set = oci::SignedSet::kFederation},
                key_id, *key, clock_.now()));
  http::Request request{.method = http::Method::kPost, .url = url, .headers = {}, .body = body};
  for (const auto& [name, value] : headers) {
    request.headers.push_back({name, value});
  }
  const auto response = federation_client_.perform(request);
  if (!response) {
    return response.error().with_context("asking for the token of this instance");
  }
  if (response->status != 200) {
    const std::string date(response->header("date").value_or(""));
    const std::string request_id(response->header("opc-request-id").value_or(""));
    return oci::describe({.status = response->status,
                          .body = response->body,
                          .date = date,
                          .request_id = request_id},
                         "asking for the token of this instance", kind(), clock_.now())
        .error;
  }
  const auto answer = nlohmann::json::parse(response->body, nullptr, false);
  const auto token = answer.is_object() ? answer.find("token") : answer.end();
  if (!answer.is_object() || token == answer.end() || !token->is_string()) {
    return Error(ErrorCode::kInvalid, "the token service answered without a token");
  }
  const auto claims = oci::read_token(token->get_ref<const std::string&>());
  if (!claims) {
    return Error(ErrorCode::kInvalid, "the token service answered with something that is no token");
  }
  identity_ = {.key_id = "ST$" + token->get<std::string>(),
               .key = std::make_shared<const crypto::RsaPrivateKey>(std::move(session))};
  tenancy_ = tenancy;
  renew_at_ = oci::renewal_time(*claims);
  ends_ = claims->ends;
  return {};
}

util::Result<oci::Identity> OciInstance::current() {
  const std::lock_guard lock(mutex_);
  if (clock_.now() >= renew_at_) {
    const auto renewed = federate();
    if (!renewed) {
      if (clock_.now() >= ends_) {
        return renewed.error();
      }
      // The old token still holds; asking again with each call would only add to the trouble.
      renew_at_ = std::min(ends_, clock_.now() + std::chrono::seconds(30));
    }
  }
  return identity_;
}

util::Result<bool> OciInstance::renew() {
  const std::lock_guard lock(mutex_);
  WARDER_RETURN_IF_ERROR(federate());
  return true;
}

std::string OciInstance::tenancy() const {
  const std::lock_guard lock(mutex_);
  return tenancy_;
}

}  // namespace warder::vault
