#include "oci/credentials.h"

#include "crypto/key_fingerprint.h"
#include "util/file.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <sys/stat.h>
#include <utility>

namespace warder::oci {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::chrono::minutes kLatestRenewal{5};

// RFC 4648 section 5: base64url without padding.
util::Result<util::Bytes> from_base64url(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  while (plain.size() % 4 != 0) {
    plain += '=';
  }
  return util::from_base64(plain);
}

// A value of the environment: itself, or what the file it names holds.
util::Result<std::string> content_of(const std::string& value, std::string_view name) {
  if (!value.starts_with('/')) {
    return value;
  }
  auto text = util::read_file(value, util::kibibytes(64));
  if (!text) {
    return text.error().with_context(name);
  }
  return std::string(util::trim(*text));
}

std::shared_ptr<const crypto::RsaPrivateKey> share(crypto::RsaPrivateKey key) {
  return std::make_shared<const crypto::RsaPrivateKey>(std::move(key));
}

}  // namespace

util::Result<crypto::RsaPrivateKey> load_private_key(const std::filesystem::path& path,
                                                     const crypto::SecretString& passphrase) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error(ErrorCode::kDenied,
                 fmt::format("{}: other users may read this private key; take that away with: "
                             "chmod 600 {}",
                             path.string(), path.string()));
  }
  WARDER_ASSIGN_OR_RETURN(std::string text, util::read_file(path, util::kibibytes(64)));
  const auto pem = crypto::SecretString::take(std::move(text));
  return crypto::RsaPrivateKey::from_pem(pem.view(), passphrase).with_context(path.string());
}

ApiKey::ApiKey(Profile profile, Identity identity)
    : profile_(std::move(profile)), identity_(std::move(identity)) {}

util::Result<std::unique_ptr<ApiKey>> ApiKey::create(Profile profile) {
  WARDER_ASSIGN_OR_RETURN(crypto::RsaPrivateKey key,
                          load_private_key(profile.key_file, profile.passphrase));
  Identity identity{
      .key_id = fmt::format("{}/{}/{}", profile.tenancy, profile.user, profile.fingerprint),
      .key = share(std::move(key))};
  return std::unique_ptr<ApiKey>(new ApiKey(std::move(profile), std::move(identity)));
}

util::Result<Identity> ApiKey::current() {
  const std::lock_guard lock(mutex_);
  return identity_;
}

util::Result<bool> ApiKey::renew() {
  WARDER_ASSIGN_OR_RETURN(crypto::RsaPrivateKey key,
                          load_private_key(profile_.key_file, profile_.passphrase));
  const std::lock_guard lock(mutex_);
  const util::Bytes public_key = key.public_key_der();
  bool changed = public_key != identity_.key->public_key_der();
  // A new key has another name; the configured one may be that of the key before.
  if (const std::string fingerprint = crypto::md5_fingerprint(public_key); !fingerprint.empty()) {
    std::string key_id = fmt::format("{}/{}/{}", profile_.tenancy, profile_.user, fingerprint);
    changed = changed || key_id != identity_.key_id;
    identity_.key_id = std::move(key_id);
  }
  identity_.key = share(std::move(key));
  return changed;
}

util::Result<TokenClaims> read_token(std::string_view token) {
  const Error refused(ErrorCode::kInvalid,
                      "the security token is no JWT; get a new one with: oci session authenticate");
  const auto parts = util::split(token, '.');
  if (parts.size() != 3) {
    return refused;
  }
  const auto payload = from_base64url(parts[1]);
  if (!payload) {
    return refused;
  }
  const auto claims = nlohmann::json::parse(util::as_text(*payload), nullptr, false);
  if (!claims.is_object()) {
    return refused;
  }
  const auto seconds = [&](const char* name) -> std::optional<util::WallTime> {
    const auto found = claims.find(name);
    // Beyond the year 9999 nothing is a date.
    if (found == claims.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0 ||
        found->get<std::int64_t>() > 253402300799) {
      return std::nullopt;
    }
    return util::WallTime(std::chrono::seconds(found->get<std::int64_t>()));
  };
  TokenClaims result;
  const auto ends = seconds("exp");
  if (!ends) {
    return refused;
  }
  result.ends = *ends;
  result.issued = seconds("iat").value_or(util::WallTime{});
  for (const char* name : {"res_tenant", "tenant"}) {
    if (const auto found = claims.find(name); found != claims.end() && found->is_string()) {
      result.tenancy = found->get<std::string>();
      break;
    }
  }
  return result;
}

util::WallTime renewal_time(const TokenClaims& claims) {
  const util::WallTime latest = claims.ends - kLatestRenewal;
  if (claims.issued == util::WallTime{} || claims.issued >= claims.ends) {
    return latest;
  }
  const util::WallTime half = claims.issued + (claims.ends - claims.issued) / 2;
  // A token that lives less than ten minutes is renewed at its half, not before it began.
  return claims.ends - claims.issued < 2 * kLatestRenewal ? half : std::min(half, latest);
}

util::Result<std::unique_ptr<ResourcePrincipal>> ResourcePrincipal::create(
    Variables variables, const util::Clock& clock) {
  if (variables.version != "2.2") {
    return Error(ErrorCode::kInvalid,
                 fmt::format("OCI_RESOURCE_PRINCIPAL_VERSION is '{}'; only 2.2 is known",
                             util::printable(variables.version, 16)));
  }
  if (variables.token.empty() || variables.key.empty()) {
    return Error(ErrorCode::kNotFound,
                 "OCI_RESOURCE_PRINCIPAL_RPST or OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM is not set: "
                 "this process runs in no resource that has a principal");
  }
  std::unique_ptr<ResourcePrincipal> result(new ResourcePrincipal(std::move(variables), clock));
  const std::lock_guard lock(result->mutex_);
  WARDER_RETURN_IF_ERROR(result->load());
  return result;
}

util::Status ResourcePrincipal::load() {
  WARDER_ASSIGN_OR_RETURN(std::string token,
                          content_of(variables_.token, "OCI_RESOURCE_PRINCIPAL_RPST"));
  WARDER_ASSIGN_OR_RETURN(std::string pem,
                          content_of(variables_.key, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"));
  WARDER_ASSIGN_OR_RETURN(
      std::string passphrase,
      content_of(variables_.passphrase, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE"));
  const auto secret_pem = crypto::SecretString::take(std::move(pem));
  WARDER_ASSIGN_OR_RETURN(
      crypto::RsaPrivateKey key,
      crypto::RsaPrivateKey::from_pem(secret_pem.view(),
                                      crypto::SecretString::take(std::move(passphrase))));
  const auto claims = read_token(token);
  if (!claims) {
    return Error(ErrorCode::kInvalid, "OCI_RESOURCE_PRINCIPAL_RPST holds no token");
  }
  identity_ = {.key_id = fmt::format("ST${}", token), .key = share(std::move(key))};
  tenancy_ = claims->tenancy;
  ends_ = claims->ends;
  return {};
}

util::Result<Identity> ResourcePrincipal::current() {
  const std::lock_guard lock(mutex_);
  if (clock_.now() >= ends_ - kLatestRenewal) {
    WARDER_RETURN_IF_ERROR(load());
  }
  return identity_;
}

util::Result<bool> ResourcePrincipal::renew() {
  const std::lock_guard lock(mutex_);
  const std::string before = identity_.key_id;
  WARDER_RETURN_IF_ERROR(load());
  return identity_.key_id != before;
}

std::string ResourcePrincipal::tenancy() const {
  const std::lock_guard lock(mutex_);
  return tenancy_;
}

}  // namespace warder::oci
