// What OciVault changes; oci_vault.cpp has what it reads.
#include "crypto/random.h"
#include "http/url.h"
#include "util/encoding.h"
#include "util/strings.h"
#include "vault/oci_json.h"
#include "vault/oci_vault.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace warder::vault {

using namespace oci_json;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

util::Result<std::uint64_t> OciVault::update(const Secret& secret,
                                             const crypto::SecretString& content,
                                             std::string_view what, Stage stage) {
  if (secret.state != "ACTIVE") {
    return Error(ErrorCode::kConflict,
                 fmt::format("{}: the secret is {}; {}", what, util::printable(secret.state, 40),
                             secret.state == "PENDING_DELETION"
                                 ? "cancel its deletion in the console, or choose another name"
                                 : "try again when it is ACTIVE"));
  }
  std::string body = fmt::format(
      R"({{"secretContent":{{"contentType":"BASE64","content":"{}","stage":"{}"}}}})",
      util::to_base64(content.bytes()), stage == Stage::kPending ? "PENDING" : "CURRENT");
  const auto answer = client_.call({.service = oci::Service::kVaults,
                                    .method = http::Method::kPut,
                                    .path = "/secrets/" + http::percent_encode(secret.id),
                                    .body = body,
                                    .if_match = secret.etag,
                                    .what = what});
  crypto::wipe(&body);
  if (!answer) {
    return answer.error();
  }
  if (stage == Stage::kPending) {
    // The answer tells the current version's number only.
    WARDER_ASSIGN_OR_RETURN(const std::vector<VersionInfo> all, versions(secret.id, what));
    return all.empty() ? secret.version + 1 : all.front().version;
  }
  const auto version = number_of(json::parse(answer->body, nullptr, false), "currentVersionNumber");
  // The service may still be at work; then the number is the next one.
  return std::max(version, secret.version + 1);
}

util::Result<std::uint64_t> OciVault::put_member(std::string_view name,
                                                 const crypto::SecretString& content,
                                                 const PutOptions& options, Stage stage) {
  const std::string what = fmt::format("writing {} into the settings secret", name);
  // The etag is read before the content, so that a write in between is noticed.
  WARDER_ASSIGN_OR_RETURN(const Secret current, secret(options_.settings_secret));
  const std::uint64_t expected = options.expected_version.value_or(current.version);
  const Error conflict(ErrorCode::kConflict, fmt::format("{}: its newest version is {}, not {}",
                                                         what, current.version, expected));
  // All members have the secret's version; 0 is that of one which is not there.
  if (expected != current.version && (expected != 0 || name == kSettings)) {
    return conflict;
  }
  if (name == kSettings) {
    return update(current, content, what, stage);
  }
  WARDER_ASSIGN_OR_RETURN(const Document settings, read_settings({}));
  auto members = json::parse(settings.content.view(), nullptr, false);
  if (!members.is_object()) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: it holds no JSON object", what));
  }
  if (expected != current.version && members.contains(std::string(name))) {
    wipe(&members);
    return conflict;
  }
  auto value = json::parse(content.view(), nullptr, false);
  members[std::string(name)] =
      value.is_discarded() ? json(std::string(content.view())) : std::move(value);
  auto text = crypto::SecretString::take(members.dump(2));
  wipe(&members);
  return update(current, text, what, stage);
}

util::Result<std::uint64_t> OciVault::put(std::string_view name,
                                          const crypto::SecretString& content,
                                          const PutOptions& options) {
  return write(name, content, options, Stage::kCurrent);
}

util::Result<std::uint64_t> OciVault::put_pending(std::string_view name,
                                                  const crypto::SecretString& content,
                                                  const PutOptions& options) {
  return write(name, content, options, Stage::kPending);
}

util::Result<std::uint64_t> OciVault::write(std::string_view name,
                                            const crypto::SecretString& content,
                                            const PutOptions& options, Stage stage) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (one_secret(name)) {
    return put_member(name, content, options, stage);
  }
  WARDER_ASSIGN_OR_RETURN(const std::string secret_name, this->secret_name(name));
  const std::string what = fmt::format("writing the secret {}", secret_name);
  WARDER_ASSIGN_OR_RETURN(const auto found, find(secret_name));
  const std::uint64_t newest = found ? found->version : 0;
  if (options.expected_version && *options.expected_version != newest) {
    return Error(ErrorCode::kConflict, fmt::format("{}: its newest version is {}, not {}", what,
                                                   newest, *options.expected_version));
  }
  if (found) {
    return update(*found, content, what, stage);
  }
  if (stage == Stage::kPending) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: it is not there yet, and a secret's first version is always the "
                             "current one; write that without --pending",
                             what));
  }
  return make(secret_name, content, options, what);
}

util::Result<std::uint64_t> OciVault::make(const std::string& secret_name,
                                           const crypto::SecretString& content,
                                           const PutOptions& options, std::string_view what) {
  if (options_.key.empty()) {
    return Error(
        ErrorCode::kConfiguration,
        fmt::format("{}: it is not there yet, and to make it the key that seals it must be "
                    "known: set oci_key (an OCID) in [vault]",
                    what));
  }
  json body = {{"compartmentId", options_.compartment},
               {"vaultId", options_.vault},
               {"keyId", options_.key},
               {"secretName", secret_name},
               {"secretContent",
                {{"contentType", "BASE64"},
                 {"content", util::to_base64(content.bytes())},
                 {"stage", "CURRENT"}}}};
  if (!options.comment.empty()) {
    body["description"] = util::to_valid_utf8(options.comment);
  }
  std::string text = body.dump();
  wipe(&body);
  std::array<std::uint8_t, 16> random{};
  WARDER_RETURN_IF_ERROR(crypto::random_bytes(random));
  const std::string retry_token = util::to_hex(random);
  const auto answer = client_.call({.service = oci::Service::kVaults,
                                    .method = http::Method::kPost,
                                    .path = "/secrets",
                                    .body = text,
                                    .retry_token = retry_token,
                                    .what = what});
  crypto::wipe(&text);
  if (!answer) {
    return answer.error();
  }
  return std::max<std::uint64_t>(
      number_of(json::parse(answer->body, nullptr, false), "currentVersionNumber"), 1);
}

// The secret of a document that must be there.
util::Result<OciVault::Secret> OciVault::needed(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (one_secret(name)) {
    return secret(options_.settings_secret);
  }
  WARDER_ASSIGN_OR_RETURN(const std::string secret_name, this->secret_name(name));
  WARDER_ASSIGN_OR_RETURN(auto found, find(secret_name));
  if (!found) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no secret {}", secret_name));
  }
  return std::move(*found);
}

util::Result<std::uint64_t> OciVault::promote(std::string_view name,
                                              std::optional<std::uint64_t> version) {
  const std::string what = fmt::format("making another version of {} the current one", name);
  // The etag is read before the versions, so that a write in between is noticed.
  WARDER_ASSIGN_OR_RETURN(const Secret now, needed(name));
  WARDER_ASSIGN_OR_RETURN(const std::vector<VersionInfo> all, versions(now.id, what));
  const std::uint64_t wanted =
      version ? *version : (all.empty() ? now.version : all.front().version);
  if (wanted == now.version) {
    return Error(ErrorCode::kConflict, fmt::format("{}: {} is the current one already{}", what,
                                                   wanted, version ? "" : ", and none is newer"));
  }
  const auto found =
      std::ranges::find_if(all, [&](const VersionInfo& info) { return info.version == wanted; });
  if (found == all.end() || !found->readable) {
    return Error(
        ErrorCode::kNotFound,
        fmt::format("{}: it has no version {}; see: warder vault history {}", what, wanted, name));
  }
  const std::string body = json{{"currentVersionNumber", wanted}}.dump();
  const auto answer = client_.call({.service = oci::Service::kVaults,
                                    .method = http::Method::kPut,
                                    .path = "/secrets/" + http::percent_encode(now.id),
                                    .body = body,
                                    .if_match = now.etag,
                                    .what = what});
  return answer ? util::Result<std::uint64_t>(wanted) : answer.error();
}

util::Status OciVault::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (one_secret(name)) {
    return Error(ErrorCode::kInvalid,
                 "a member of the settings secret is not removed by itself: write the settings "
                 "without it, with: warder vault put settings FILE");
  }
  WARDER_ASSIGN_OR_RETURN(const Secret found, needed(name));
  const std::string what = fmt::format("removing the secret {}", found.name);
  const auto answer = client_.call(
      {.service = oci::Service::kVaults,
       .method = http::Method::kPost,
       .path = fmt::format("/secrets/{}/actions/scheduleDeletion", http::percent_encode(found.id)),
       .body = "{}",
       .if_match = found.etag,
       .what = what});
  return answer ? util::Status() : answer.error();
}

}  // namespace warder::vault
