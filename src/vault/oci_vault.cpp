#include "vault/oci_vault.h"

#include "crypto/random.h"
#include "http/url.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::string_view kSettings = "settings";
// OCI's own limit of secrets in a tenancy is 5,000; a host that needs this many has another
// problem.
constexpr std::size_t kMostSecrets = 1000;
constexpr std::size_t kMostVersions = 200;

std::string text_of(const json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

std::uint64_t number_of(const json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return object.is_object() && found != object.end() && found->is_number_unsigned()
             ? found->get<std::uint64_t>()
             : 0;
}

util::WallTime time_of(const json& object, const char* member) {
  return util::parse_rfc3339(text_of(object, member)).value_or(util::WallTime{});
}

// Wipes what a JSON value shows of its texts; its parser's own buffers are out of reach.
void wipe(json* value) {
  if (value->is_string()) {
    crypto::wipe(value->get_ptr<std::string*>());
  } else if (value->is_structured()) {
    for (auto& element : *value) {
      wipe(&element);
    }
  }
}

std::string reading(std::string_view name) { return fmt::format("reading the secret {}", name); }

Error hidden(const Error& error) { return {ErrorCode::kDenied, error.message()}; }

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

util::Result<Document> OciVault::read_settings(std::optional<std::uint64_t> version) {
  OciCall call{.service = oci::Service::kSecrets,
               .path = "/secretbundles/" + http::percent_encode(options_.settings_secret),
               .what = "reading the settings secret"};
  if (version) {
    call.query.emplace_back("versionNumber", std::to_string(*version));
  }
  auto settings = bundle(call);
  if (settings || version || settings.error().code() != ErrorCode::kNotFound) {
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
    return hidden(error);
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

util::Result<Document> OciVault::read(std::string_view name, std::optional<std::uint64_t> version) {
  WARDER_ASSIGN_OR_RETURN(const std::string secret, secret_name(name));
  const std::string what = reading(secret);
  OciCall call{.service = oci::Service::kSecrets,
               .method = http::Method::kPost,
               .path = "/secretbundles/actions/getByName",
               .query = {{"secretName", secret}, {"vaultId", options_.vault}},
               .what = what};
  if (version) {
    call.query.emplace_back("versionNumber", std::to_string(*version));
  }
  auto document = bundle(call);
  if (document) {
    const std::lock_guard lock(mutex_);
    absent_.erase(secret);
    return document;
  }
  return version || document.error().code() != ErrorCode::kNotFound
             ? document.error()
             : unless_hidden(secret, document.error());
}

util::Result<Document> OciVault::get(std::string_view name, std::optional<std::uint64_t> version) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (!one_secret(name)) {
    return read(name, version);
  }
  WARDER_ASSIGN_OR_RETURN(Document settings, read_settings(version));
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

util::Result<std::uint64_t> OciVault::update(const Secret& secret,
                                             const crypto::SecretString& content,
                                             std::string_view what) {
  if (secret.state != "ACTIVE") {
    return Error(ErrorCode::kConflict,
                 fmt::format("{}: the secret is {}; {}", what, util::printable(secret.state, 40),
                             secret.state == "PENDING_DELETION"
                                 ? "cancel its deletion in the console, or choose another name"
                                 : "try again when it is ACTIVE"));
  }
  std::string body = fmt::format(
      R"({{"secretContent":{{"contentType":"BASE64","content":"{}","stage":"CURRENT"}}}})",
      util::to_base64(content.bytes()));
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
  const auto version = number_of(json::parse(answer->body, nullptr, false), "currentVersionNumber");
  // The service may still be at work; then the number is the next one.
  return std::max(version, secret.version + 1);
}

util::Result<std::uint64_t> OciVault::put_member(std::string_view name,
                                                 const crypto::SecretString& content,
                                                 const PutOptions& options) {
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
    return update(current, content, what);
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
  return update(current, text, what);
}

util::Result<std::uint64_t> OciVault::put(std::string_view name,
                                          const crypto::SecretString& content,
                                          const PutOptions& options) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (one_secret(name)) {
    return put_member(name, content, options);
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
    return update(*found, content, what);
  }
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
    info.comment = util::printable(text_of(summary, "name"), 100);
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
  WARDER_ASSIGN_OR_RETURN(const std::string secret_name, this->secret_name(name));
  WARDER_ASSIGN_OR_RETURN(const auto found, find(secret_name));
  if (!found) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no secret {}", secret_name));
  }
  return versions(found->id, what);
}

util::Status OciVault::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (one_secret(name)) {
    return Error(ErrorCode::kInvalid,
                 "a member of the settings secret is not removed by itself: write the settings "
                 "without it, with: warder vault put settings FILE");
  }
  WARDER_ASSIGN_OR_RETURN(const std::string secret_name, this->secret_name(name));
  WARDER_ASSIGN_OR_RETURN(const auto found, find(secret_name));
  if (!found) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no secret {}", secret_name));
  }
  const std::string what = fmt::format("removing the secret {}", secret_name);
  const auto answer = client_.call(
      {.service = oci::Service::kVaults,
       .method = http::Method::kPost,
       .path = fmt::format("/secrets/{}/actions/scheduleDeletion", http::percent_encode(found->id)),
       .body = "{}",
       .if_match = found->etag,
       .what = what});
  return answer ? util::Status() : answer.error();
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
