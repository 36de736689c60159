#include "vault/oci_vault.h"

#include "http/url.h"
#include "util/encoding.h"
#include "util/strings.h"
#include "vault/oci_json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using namespace oci_json;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

// OCI's own limit of secrets in a tenancy is 5,000; a host that needs this many has another
// problem.
constexpr std::size_t kMostSecrets = 1000;
constexpr std::size_t kMostVersions = 200;

// A version's own name, and its stages: "CURRENT". The newest one is LATEST besides, as anybody
// sees.
std::string version_text(const json& summary) {
  std::string text = util::printable(text_of(summary, "name"), 100);
  const auto stages = summary.is_object() ? summary.find("stages") : summary.end();
  for (const json& stage : summary.is_object() && stages != summary.end() && stages->is_array()
                               ? *stages
                               : json::array()) {
    if (stage.is_string() && stage != "LATEST") {
      text += (text.empty() ? "" : ", ") + util::printable(stage.get<std::string>(), 20);
    }
  }
  return text;
}

std::string reading(std::string_view name) { return fmt::format("reading the secret {}", name); }

Error hidden(const Error& error) { return {ErrorCode::kDenied, error.message()}; }

// A selector for a version by its number.
std::optional<std::pair<std::string, std::string>> numbered(std::optional<std::uint64_t> version) {
  return version ? std::optional(std::pair(std::string("versionNumber"), std::to_string(*version)))
                 : std::nullopt;
}

}  // namespace

OciVault::OciVault(oci::Credentials& credentials, oci::Endpoints endpoints,
                   http::ClientOptions http, OciVaultOptions options, const util::Clock& clock)
    : client_(credentials, std::move(endpoints), std::move(http), clock),
      options_(std::move(options)) {}

std::optional<std::string> document_of_secret(std::string_view prefix, std::string_view secret) {
  if (!secret.starts_with(prefix)) {
    return std::nullopt;
  }
  std::string name(secret.substr(prefix.size()));
  for (auto at = name.find("--"); at != std::string::npos; at = name.find("--", at + 1)) {
    name.replace(at, 2, "/");
  }
  return check_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

bool OciVault::is_going(const Secret& secret) {
  return secret.state == "SCHEDULING_DELETION" || secret.state == "PENDING_DELETION" ||
         secret.state == "DELETING" || secret.state == "DELETED";
}

bool OciVault::one_secret(std::string_view name) const {
  return !options_.settings_secret.empty() && (options_.vault.empty() || name == kSettings);
}

util::Result<std::string> OciVault::secret_name(std::string_view name) const {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (name.find("--") != std::string_view::npos) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}': a document in OCI Vault cannot have '--' in its name, which "
                             "stands for '/' there",
                             name));
  }
  if (options_.vault.empty()) {
    return Error(
        ErrorCode::kConfiguration,
        "no vault is named: set oci_vault (an OCID) in [vault], or oci_settings_secret for "
        "one secret that holds everything");
  }
  std::string result = options_.prefix;
  for (const char c : name) {
    result += c == '/' ? "--" : std::string(1, c);
  }
  return result;
}

util::Result<Document> OciVault::bundle(const OciCall& call) {
  WARDER_ASSIGN_OR_RETURN(OciAnswer answer, client_.call(call));
  auto body = json::parse(answer.body, nullptr, false);
  crypto::wipe(&answer.body);
  const Error refused(ErrorCode::kInvalid,
                      fmt::format("{}: the answer holds no secret; check the endpoint", call.what));
  const auto content = body.is_object() ? body.find("secretBundleContent") : body.end();
  if (!body.is_object() || content == body.end() || !content->is_object() ||
      text_of(*content, "contentType") != "BASE64") {
    wipe(&body);
    return refused;
  }
  std::string encoded = text_of(*content, "content");
  Document document;
  document.version = number_of(body, "versionNumber");
  document.time = time_of(body, "timeCreated");
  wipe(&body);
  auto bytes = util::from_base64(encoded);
  crypto::wipe(&encoded);
  if (!bytes || document.version == 0) {
    return refused;
  }
  document.content = crypto::SecretString(util::as_text(*bytes));
  std::fill(bytes->begin(), bytes->end(), std::uint8_t{0});
  if (document.content.size() > kLongestContent) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: longer than {} bytes", call.what, kLongestContent));
  }
  return document;
}

util::Result<Document> OciVault::read_settings(const Selector& selector) {
  OciCall call{.service = oci::Service::kSecrets,
               .path = "/secretbundles/" + http::percent_encode(options_.settings_secret),
               .what = "reading the settings secret"};
  if (selector) {
    call.query.push_back(*selector);
  }
  auto settings = bundle(call);
  if (settings || selector || settings.error().code() != ErrorCode::kNotFound) {
    return settings;
  }
  const auto there = secret(options_.settings_secret);
  return there && is_going(*there) ? settings.error() : hidden(settings.error());
}

// OCI answers alike to what is not there and what may not be seen. Only the former may take rules
// away, so each is looked up once among the secrets of the compartment.
util::Error OciVault::unless_hidden(const std::string& secret_name, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (options_.compartment.empty() || absent_.contains(secret_name)) {
      return error;
    }
  }
  const auto looked_up = find(secret_name);
  if (!looked_up) {
    const ErrorCode code = looked_up.error().code();
    if (code != ErrorCode::kDenied && code != ErrorCode::kNotFound) {
      return looked_up.error();  // not an answer about rights: asked again
    }
    return Error(
        ErrorCode::kDenied,
        fmt::format("reading the secret {0}: it is not there, or this identity may not read it; "
                    "OCI answers both alike, and this identity may not list the compartment's "
                    "secrets, which would tell. If it was never written, write it (warder vault "
                    "put) or grant 'inspect secrets in compartment' of oci_compartment, by which "
                    "the agent sees that it is not there; if it was, grant 'read secret-bundles' "
                    "and 'use keys'",
                    secret_name));
  }
  const std::optional<Secret>& found = *looked_up;
  if (found && !is_going(*found)) {
    return hidden(error);
  }
  const std::lock_guard lock(mutex_);
  if (absent_.size() < kMostSecrets) {
    absent_.insert(secret_name);
  }
  return error;
}

util::Result<Document> OciVault::read(std::string_view name, const Selector& selector) {
  WARDER_ASSIGN_OR_RETURN(const std::string secret, secret_name(name));
  const std::string what = reading(secret);
  OciCall call{.service = oci::Service::kSecrets,
               .method = http::Method::kPost,
               .path = "/secretbundles/actions/getByName",
               .query = {{"secretName", secret}, {"vaultId", options_.vault}},
               .what = what};
  if (selector) {
    call.query.push_back(*selector);
  }
  auto document = bundle(call);
  if (document) {
    const std::lock_guard lock(mutex_);
    absent_.erase(secret);
    return document;
  }
  return selector || document.error().code() != ErrorCode::kNotFound
             ? document.error()
             : unless_hidden(secret, document.error());
}

util::Result<Document> OciVault::get(std::string_view name, std::optional<std::uint64_t> version) {
  return select(name, numbered(version));
}

util::Result<Document> OciVault::get_stage(std::string_view name, std::string_view stage) {
  auto document = select(name, std::pair(std::string("stage"), std::string(stage)));
  return document || document.error().code() != ErrorCode::kNotFound
             ? std::move(document)
             : document.error().with_context(
                   fmt::format("no version of {} is {}, or the secret cannot be read (warder vault "
                               "history {} lists its versions)",
                               name, stage, name));
}

util::Result<Document> OciVault::select(std::string_view name, const Selector& selector) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (!one_secret(name)) {
    return read(name, selector);
  }
  WARDER_ASSIGN_OR_RETURN(Document settings, read_settings(selector));
  if (name == kSettings) {
    return settings;
  }
  auto members = json::parse(settings.content.view(), nullptr, false);
  const auto member = members.is_object() ? members.find(name) : members.end();
  if (!members.is_object()) {
    return Error(ErrorCode::kInvalid,
                 "the settings secret holds no JSON object, so it has no documents in it; write it "
                 "with: warder vault put settings FILE");
  }
  if (member == members.end()) {
    wipe(&members);
    return Error(ErrorCode::kNotFound, fmt::format("the settings secret has no member '{}'", name));
  }
  std::string text = member->is_string() ? member->get<std::string>() : member->dump();
  wipe(&members);
  settings.content = crypto::SecretString::take(std::move(text));
  return settings;
}

util::Result<OciVault::Secret> OciVault::secret(const std::string& id) {
  WARDER_ASSIGN_OR_RETURN(const OciAnswer answer,
                          client_.call({.service = oci::Service::kVaults,
                                        .path = "/secrets/" + http::percent_encode(id),
                                        .what = "looking up a secret"}));
  const auto body = json::parse(answer.body, nullptr, false);
  Secret result{.id = text_of(body, "id"),
                .name = text_of(body, "secretName"),
                .state = text_of(body, "lifecycleState"),
                .version = number_of(body, "currentVersionNumber"),
                .etag = answer.etag,
                .time = time_of(body, "timeCreated")};
  if (result.id.empty()) {
    return Error(ErrorCode::kInvalid,
                 "looking up a secret: the answer describes none; check the endpoint of vaults");
  }
  return result;
}

util::Result<std::optional<OciVault::Secret>> OciVault::find(std::string_view secret_name) {
  if (options_.compartment.empty()) {
    return Error(
        ErrorCode::kConfiguration,
        "to list or write secrets their compartment must be known: set oci_compartment (an "
        "OCID) in [vault]");
  }
  const std::string what = fmt::format("looking up the secret {}", secret_name);
  WARDER_ASSIGN_OR_RETURN(const auto found,
                          client_.call_all({.service = oci::Service::kVaults,
                                            .path = "/secrets",
                                            .query = {{"compartmentId", options_.compartment},
                                                      {"name", std::string(secret_name)},
                                                      {"vaultId", options_.vault}},
                                            .what = what},
                                           kMostSecrets));
  for (const std::string& element : found) {
    const auto summary = json::parse(element, nullptr, false);
    if (text_of(summary, "secretName") == secret_name) {
      WARDER_ASSIGN_OR_RETURN(Secret result, secret(text_of(summary, "id")));
      return std::optional(std::move(result));
    }
  }
  return std::optional<Secret>();
}

util::Result<std::vector<DocumentInfo>> OciVault::list() {
  std::vector<DocumentInfo> documents;
  const auto add = [&](std::string name, const Secret& secret) {
    DocumentInfo info{.name = std::move(name), .latest = {}};
    info.latest.version = secret.version;
    info.latest.time = secret.time;
    documents.push_back(std::move(info));
  };
  if (!options_.settings_secret.empty()) {
    WARDER_ASSIGN_OR_RETURN(const Secret settings, secret(options_.settings_secret));
    add(std::string(kSettings), settings);
    if (options_.vault.empty()) {
      WARDER_ASSIGN_OR_RETURN(const Document document, read_settings({}));
      auto members = json::parse(document.content.view(), nullptr, false);
      if (members.is_object()) {
        for (const auto& [member, value] : members.items()) {
          if (member != kSettings && check_name(member)) {
            add(member, settings);
          }
        }
        wipe(&members);
      }
    }
  }
  if (!options_.vault.empty()) {
    if (options_.compartment.empty()) {
      return Error(ErrorCode::kConfiguration,
                   "to list secrets their compartment must be known: set oci_compartment (an OCID) "
                   "in [vault]");
    }
    WARDER_ASSIGN_OR_RETURN(const auto found,
                            client_.call_all({.service = oci::Service::kVaults,
                                              .path = "/secrets",
                                              .query = {{"compartmentId", options_.compartment},
                                                        {"vaultId", options_.vault},
                                                        {"lifecycleState", "ACTIVE"}},
                                              .what = "listing the secrets"},
                                             kMostSecrets));
    for (const std::string& element : found) {
      const auto summary = json::parse(element, nullptr, false);
      auto name = document_of_secret(options_.prefix, text_of(summary, "secretName"));
      if (!name) {
        continue;
      }
      WARDER_ASSIGN_OR_RETURN(const Secret known, secret(text_of(summary, "id")));
      add(std::move(*name), known);
    }
  }
  std::sort(documents.begin(), documents.end(),
            [](const DocumentInfo& a, const DocumentInfo& b) { return a.name < b.name; });
  return documents;
}

util::Result<std::vector<VersionInfo>> OciVault::versions(const std::string& id,
                                                          std::string_view what) {
  WARDER_ASSIGN_OR_RETURN(
      const auto found,
      client_.call_all({.service = oci::Service::kVaults,
                        .path = fmt::format("/secrets/{}/versions", http::percent_encode(id)),
                        .query = {{"sortBy", "VERSION_NUMBER"}, {"sortOrder", "DESC"}},
                        .what = what},
                       kMostVersions));
  std::vector<VersionInfo> result;
  for (const std::string& element : found) {
    const auto summary = json::parse(element, nullptr, false);
    VersionInfo info;
    info.version = number_of(summary, "versionNumber");
    info.time = time_of(summary, "timeCreated");
    info.comment = version_text(summary);
    info.readable = text_of(summary, "timeOfDeletion").empty();
    result.push_back(std::move(info));
  }
  return result;
}

util::Result<std::vector<VersionInfo>> OciVault::history(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  const std::string what = fmt::format("reading the versions of {}", name);
  if (one_secret(name)) {
    return versions(options_.settings_secret, what);
  }
  WARDER_ASSIGN_OR_RETURN(const Secret found, needed(name));
  return versions(found.id, what);
}

util::Result<Health> OciVault::health() {
  const std::string where = client_.endpoints().region().name;
  const auto answer =
      options_.settings_secret.empty()
          ? client_.call({.service = oci::Service::kVaults,
                          .path = "/secrets",
                          .query = {{"compartmentId", options_.compartment},
                                    {"vaultId", options_.vault},
                                    {"limit", "1"}},
                          .what = "asking the vault"})
          : client_.call({.service = oci::Service::kVaults,
                          .path = "/secrets/" + http::percent_encode(options_.settings_secret),
                          .what = "asking for the settings secret"});
  if (!answer) {
    return Health{.ready = false, .text = answer.error().message()};
  }
  return Health{.ready = true, .text = fmt::format("OCI Vault in {} answers", where)};
}

}  // namespace warder::vault
