#include "vault/oci_options.h"

#include "http/url.h"
#include "oci/config_file.h"
#include "oci/security_token.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/oci_instance.h"
#include "vault/oci_session.h"
#include "vault/own_error.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::vault {
namespace {

using config::Change;
using config::Key;
using config::Type;
using util::Error;
using util::ErrorCode;

enum class Auth { kApiKey, kSecurityToken, kInstance, kResource };
// In the order of Auth.
constexpr std::string_view kAuths[] = {"api-key", "security-token", "instance", "resource"};

constexpr Key kKeys[] = {
    {.name = "oci_auth",
     .type = Type::kEnum,
     .fallback = "api-key",
     .choices = kAuths,
     .change = Change::kRestart,
     .text = "Who this host is to OCI: api-key and security-token are taken from oci_config; "
             "instance is the identity of the cloud instance itself (needs a dynamic group and a "
             "policy, but no key on the host); resource is that of a function or container. "
             "Variable OCI_CLI_AUTH, in the words of Oracle's tools (instance_principal).",
     .example = "instance"},
    {.name = "oci_config",
     .type = Type::kPath,
     .fallback = "/etc/warder/oci/config",
     .change = Change::kRestart,
     .text = "The configuration file that Oracle's tools use, too. Variable OCI_CONFIG_FILE. The "
             "private key it names must be readable by this program's user alone.",
     .example = "/etc/warder/oci/config"},
    {.name = "oci_profile",
     .type = Type::kString,
     .fallback = "DEFAULT",
     .most = "100",
     .change = Change::kRestart,
     .text = "Which profile of it. Variable OCI_CLI_PROFILE.",
     .example = "warder"},
    {.name = "oci_region",
     .type = Type::kString,
     .most = "100",
     .change = Change::kRestart,
     .text = "Where the vault is. Unless set: the region of the profile, or of the instance. "
             "Variable OCI_REGION.",
     .example = "eu-frankfurt-1"},
    {.name = "oci_vault",
     .type = Type::kString,
     .most = "255",
     .change = Change::kRestart,
     .text = "OCID of the vault, when each document is a secret of its own.",
     .example = "ocid1.vault.oc1.eu-frankfurt-1.aaaa"},
    {.name = "oci_compartment",
     .type = Type::kString,
     .most = "255",
     .change = Change::kRestart,
     .text = "OCID of the compartment of the secrets; needed to list and to write them.",
     .example = "ocid1.compartment.oc1..aaaa"},
    {.name = "oci_key",
     .type = Type::kString,
     .most = "255",
     .change = Change::kRestart,
     .text = "OCID of the vault's key that seals new secrets; needed to make one.",
     .example = "ocid1.key.oc1.eu-frankfurt-1.aaaa"},
    {.name = "oci_prefix",
     .type = Type::kString,
     .fallback = "warder-",
     .most = "60",
     .change = Change::kRestart,
     .text = "Put before a document's name to get the secret's.",
     .example = "web-1-"},
    {.name = "oci_settings_secret",
     .type = Type::kString,
     .most = "255",
     .change = Change::kRestart,
     .text = "OCID of one secret that holds a whole settings document (a JSON object). Without "
             "oci_vault the other documents are its members. Variable OCISECRET_OCID.",
     .example = "ocid1.vaultsecret.oc1.eu-frankfurt-1.aaaa"},
    {.name = "oci_audit_interval",
     .type = Type::kDuration,
     .fallback = "1min",
     .least = "1min",
     .most = "1d",
     .change = Change::kRestart,
     .text = "How often the audit events of a compartment are asked for, when a jail has logpath = "
             "oci-audit:COMPARTMENT.",
     .example = "5min"},
    {.name = "oci_audit_overlap",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "15min",
     .most = "1d",
     .change = Change::kRestart,
     .text = "Events appear late, mostly within a quarter of an hour: how far back each question "
             "reaches. What appears later is missed; each event is judged once.",
     .example = "2h"},
    {.name = "oci_endpoints",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kRestart,
     .text =
         "Addresses to use instead of a service's own, SERVICE=URL: private endpoints. Services: "
         "secrets, vaults, kms, audit, logging, log-ingestion, log-search, object-storage, "
         "notification, metric-ingestion, identity, auth. Variable OCI_ENDPOINTS.",
     .example = "secrets=https://10.0.0.7"},
};

constexpr config::Table kTable{.section = "vault",
                               .text = "Keys for provider = oci (Oracle Cloud Infrastructure).",
                               .keys = kKeys};

// The variable when it is set, else the key, else nothing.
std::string setting(const config::Values& values, std::string_view key,
                    const Environment& environment, std::string_view variable) {
  if (!variable.empty()) {
    if (auto set = environment(variable)) {
      return *set;
    }
  }
  return values.has(key) ? values.string(key) : std::string();
}

std::vector<std::string> endpoint_words(const config::Values& values,
                                        const Environment& environment) {
  const auto variable = environment("OCI_ENDPOINTS");
  if (!variable) {
    return values.list("oci_endpoints");
  }
  const auto words = util::split_words(*variable);
  return {words.begin(), words.end()};
}

// The words of Oracle's tools for oci_auth: the value of --auth.
util::Result<Auth> auth_of(const config::Values& values, const Environment& environment) {
  const auto variable = environment("OCI_CLI_AUTH");
  if (!variable) {
    return values.choice<Auth>("oci_auth");
  }
  constexpr std::string_view kWords[] = {"api_key", "security_token", "instance_principal",
                                         "resource_principal"};
  const auto* const word = std::find(std::begin(kWords), std::end(kWords), *variable);
  if (word == std::end(kWords)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("OCI_CLI_AUTH is '{}'; it may be api_key, security_token, "
                             "instance_principal or resource_principal",
                             util::printable(*variable, 100)));
  }
  return static_cast<Auth>(word - std::begin(kWords));
}

util::Status set_endpoints(oci::Endpoints* endpoints, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto* const service =
        std::find_if(std::begin(oci::kServices), std::end(oci::kServices),
                     [&](oci::Service s) { return oci::name_of(s) == name; });
    const std::string url = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (service == std::end(oci::kServices) || !http::parse_target(url)) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("[vault] oci_endpoints: '{}' is no SERVICE=URL; write for instance "
                               "secrets=https://10.0.0.7",
                               util::printable(word, 100)));
    }
    endpoints->set(*service, url);
  }
  return {};
}

// The whole of an API key in variables, as scripts set them; nothing when none is set.
util::Result<std::optional<oci::Profile>> profile_of(const Environment& environment) {
  const auto variable = [&](std::string_view name) { return environment(name).value_or(""); };
  oci::Profile profile;
  profile.tenancy = variable("OCI_TENANCY_OCID");
  profile.user = variable("OCI_USER_OCID");
  profile.fingerprint = util::to_lower(variable("OCI_FINGERPRINT"));
  profile.key_file = variable("OCI_KEY_FILE");
  profile.region = variable("OCI_REGION");
  if (profile.tenancy.empty() && profile.user.empty() && profile.fingerprint.empty() &&
      profile.key_file.empty()) {
    return std::optional<oci::Profile>();
  }
  std::string missing;
  const auto need = [&](bool good, std::string_view name) {
    if (!good) {
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
    }
  };
  need(oci::is_ocid(profile.tenancy), "OCI_TENANCY_OCID");
  need(oci::is_ocid(profile.user), "OCI_USER_OCID");
  need(oci::is_fingerprint(profile.fingerprint), "OCI_FINGERPRINT");
  need(!profile.key_file.empty(), "OCI_KEY_FILE");
  if (!missing.empty()) {
    return Error(
        ErrorCode::kInvalid,
        fmt::format("of the variables OCI_TENANCY_OCID, OCI_USER_OCID, OCI_FINGERPRINT and "
                    "OCI_KEY_FILE these are missing or malformed: {}; set all or none",
                    missing));
  }
  return std::optional(std::move(profile));
}

util::Result<oci::Profile> find_profile(const config::Values& values,
                                        const Environment& environment) {
  WARDER_ASSIGN_OR_RETURN(auto from_variables, profile_of(environment));
  if (from_variables) {
    return std::move(*from_variables);
  }
  const std::string path = environment("OCI_CONFIG_FILE").value_or(values.path("oci_config"));
  auto text = util::read_file(path, util::mebibytes(1));
  if (!text) {
    return Error(text.error().code(),
                 fmt::format("{}; this file says who this host is to OCI: make it with oci setup "
                             "config, name another in oci_config, or set oci_auth = instance",
                             text.error().message()));
  }
  // It may hold a passphrase.
  const auto secret = crypto::SecretString::take(std::move(*text));
  return oci::parse_profile(secret.view(),
                            setting(values, "oci_profile", environment, "OCI_CLI_PROFILE"),
                            environment("HOME").value_or("/root"))
      .with_context(path);
}

}  // namespace

const config::Table& oci_table() { return kTable; }

bool oci_enabled_by(const Environment& environment) {
  return says_yes(environment("OCI_VAULT_ENABLED").value_or(""));
}

namespace {

util::Result<OciAccount> open_account(const config::Values& values, const Environment& environment,
                                      const util::Clock& clock) {
  OciAccount account;
  std::string region = setting(values, "oci_region", environment, "OCI_REGION");
  WARDER_ASSIGN_OR_RETURN(const Auth auth, auth_of(values, environment));
  const std::vector<std::string> endpoints = endpoint_words(values, environment);
  std::optional<oci::Region> found;
  std::optional<oci::Profile> session;
  if (auth == Auth::kInstance) {
    // Its token service may be named before the region is known.
    oci::Endpoints named;
    WARDER_RETURN_IF_ERROR(set_endpoints(&named, endpoints));
    OciInstanceOptions options;
    if (const auto metadata = environment("OCI_METADATA_BASE_URL")) {
      options.metadata = *metadata;
    }
    for (const std::string& word : endpoints) {
      if (word.starts_with("auth=")) {
        options.federation = named.base(oci::Service::kAuth) + "/x509";
      }
    }
    WARDER_ASSIGN_OR_RETURN(auto instance, OciInstance::create(std::move(options), clock));
    found = instance->region();
    account.credentials = std::move(instance);
  } else if (auth == Auth::kResource) {
    const auto variable = [&](std::string_view name) { return environment(name).value_or(""); };
    WARDER_ASSIGN_OR_RETURN(
        account.credentials,
        oci::ResourcePrincipal::create(
            {.version = variable("OCI_RESOURCE_PRINCIPAL_VERSION"),
             .token = variable("OCI_RESOURCE_PRINCIPAL_RPST"),
             .key = variable("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"),
             .passphrase = variable("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE")},
            clock));
    if (region.empty()) {
      region = variable("OCI_RESOURCE_PRINCIPAL_REGION");
    }
  } else {
    WARDER_ASSIGN_OR_RETURN(oci::Profile profile, find_profile(values, environment));
    if (region.empty()) {
      region = profile.region;
    }
    if (auth == Auth::kSecurityToken) {
      if (profile.security_token_file.empty()) {
        return Error(ErrorCode::kInvalid,
                     "oci_auth = security-token, but the profile has no security_token_file; make "
                     "one with: oci session authenticate");
      }
      session = std::move(profile);  // opened when it is known where its token service is
    } else {
      WARDER_ASSIGN_OR_RETURN(account.credentials, oci::ApiKey::create(std::move(profile)));
    }
  }
  if (!region.empty()) {
    WARDER_ASSIGN_OR_RETURN(found, oci::find_region(region));
  }
  if (!found) {
    return Error(ErrorCode::kInvalid,
                 "no region is named: set oci_region in [vault], or region in the profile");
  }
  account.endpoints = oci::Endpoints(*found);
  WARDER_RETURN_IF_ERROR(set_endpoints(&account.endpoints, endpoints));
  if (session) {
    WARDER_ASSIGN_OR_RETURN(
        account.credentials,
        oci::SecurityToken::create(std::move(*session),
                                   oci_session_refresh(account.endpoints, account.http, clock),
                                   clock));
  }
  return account;
}

}  // namespace

util::Result<OciAccount> open_oci_account(const config::Values& values,
                                          const Environment& environment,
                                          const util::Clock& clock) {
  auto account = open_account(values, environment, clock);
  return account ? std::move(account) : own_error(account.error());
}

namespace {

// An OciVault that is opened when it is first asked, so that a host whose metadata service or key
// is not there yet can start with its copies and find its vault later.
class OpenedOciVault : public Provider, public StagedProvider {
 public:
  OpenedOciVault(config::Values values, Environment environment, OciVaultOptions options,
                 const util::Clock& clock)
      : values_(std::move(values)),
        environment_(std::move(environment)),
        options_(std::move(options)),
        clock_(clock) {}

  std::string_view kind() const override { return "oci"; }
  util::Result<Document> get(std::string_view name, std::optional<std::uint64_t> version) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->get(name, version);
  }
  util::Result<std::uint64_t> put(std::string_view name, const crypto::SecretString& content,
                                  const PutOptions& options) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->put(name, content, options);
  }
  util::Result<std::vector<DocumentInfo>> list() override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->list();
  }
  util::Result<std::vector<VersionInfo>> history(std::string_view name) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->history(name);
  }
  util::Status remove(std::string_view name) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->remove(name);
  }
  util::Result<Health> health() override {
    const auto vault = open();
    return vault ? (*vault)->health() : vault.error();
  }
  util::Result<Document> get_stage(std::string_view name, std::string_view stage) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->get_stage(name, stage);
  }
  util::Result<std::uint64_t> put_pending(std::string_view name,
                                          const crypto::SecretString& content,
                                          const PutOptions& options) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->put_pending(name, content, options);
  }
  util::Result<std::uint64_t> promote(std::string_view name,
                                      std::optional<std::uint64_t> version) override {
    WARDER_ASSIGN_OR_RETURN(OciVault* const vault, open());
    return vault->promote(name, version);
  }
  std::optional<Failure> last_failure() const override {
    const std::lock_guard lock(mutex_);
    return vault_ ? vault_->last_failure() : std::nullopt;
  }
  void stop() override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (vault_) {
      vault_->stop();
    }
  }

 private:
  util::Result<OciVault*> open() {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return Error(ErrorCode::kUnavailable, "the agent stops");
    }
    if (!vault_) {
      WARDER_ASSIGN_OR_RETURN(OciAccount account, open_oci_account(values_, environment_, clock_));
      credentials_ = std::move(account.credentials);
      vault_ = std::make_unique<OciVault>(*credentials_, std::move(account.endpoints),
                                          std::move(account.http), options_, clock_);
    }
    return vault_.get();
  }

  const config::Values values_;
  const Environment environment_;
  const OciVaultOptions options_;
  const util::Clock& clock_;
  mutable std::mutex mutex_;
  bool stopped_ = false;                           // guarded by mutex_
  std::unique_ptr<oci::Credentials> credentials_;  // set once, with mutex_
  std::unique_ptr<OciVault> vault_;                // set once, with mutex_
};

}  // namespace

util::Result<std::unique_ptr<Provider>> open_oci_vault(const config::Values& values,
                                                       const Environment& environment,
                                                       const util::Clock& clock) {
  OciVaultOptions options;
  options.vault = setting(values, "oci_vault", environment, "");
  options.compartment = setting(values, "oci_compartment", environment, "");
  options.key = setting(values, "oci_key", environment, "");
  options.prefix = setting(values, "oci_prefix", environment, "");
  options.settings_secret = setting(values, "oci_settings_secret", environment, "OCISECRET_OCID");
  const std::pair<std::string_view, const std::string*> ocids[] = {
      {"oci_vault", &options.vault},
      {"oci_compartment", &options.compartment},
      {"oci_key", &options.key},
      {"oci_settings_secret (or OCISECRET_OCID)", &options.settings_secret}};
  for (const auto& [key, value] : ocids) {
    if (!value->empty() && !oci::is_ocid(*value)) {
      return Error(
          ErrorCode::kConfiguration,
          fmt::format("[vault] {}: '{}' is no OCID; it begins with ocid1. and stands in the "
                      "console beside the resource's name",
                      key, util::printable(*value, 100)));
    }
  }
  if (options.vault.empty() && options.settings_secret.empty()) {
    return Error(ErrorCode::kConfiguration,
                 "[vault] provider = oci needs oci_vault (a secret for each document) or "
                 "oci_settings_secret (one secret that holds them all)");
  }
  std::unique_ptr<Provider> vault =
      std::make_unique<OpenedOciVault>(values, environment, std::move(options), clock);
  return vault;
}

}  // namespace warder::vault
