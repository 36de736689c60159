#include "vault/server_options.h"

#include "http/address_rule.h"
#include "http/url.h"
#include "net/address.h"
#include "util/duration.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/key.h"
#include "vault/reference.h"

#include <fmt/core.h>

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace warder::vault {
namespace {

using config::Change;
using config::Key;
using config::Type;
using util::Error;
using util::ErrorCode;

// In the order of LoginMethod.
constexpr std::string_view kMethods[] = {"token",    "approle", "kubernetes",
                                         "userpass", "cert",    "proxy"};
constexpr std::string_view kDefaultMounts[] = {"", "approle", "kubernetes", "userpass", "cert", ""};
constexpr std::string_view kKvVersions[] = {"found", "1", "2"};

constexpr Key kKeys[] = {
    {.name = "address",
     .type = Type::kWords,
     .most = "16",
     .change = Change::kRestart,
     .text =
         "The vault: https://HOST:PORT, several for the nodes of one vault. Variable VAULT_ADDR.",
     .example = "https://vault.example.com:8200"},
    {.name = "socket",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "Unix socket of a Vault or OpenBao agent or proxy, asked instead of address. Variable "
             "VAULT_AGENT_ADDR or VAULT_PROXY_ADDR (unix:///PATH).",
     .example = "/run/vault-proxy.sock"},
    {.name = "namespace",
     .type = Type::kString,
     .most = "500",
     .change = Change::kRestart,
     .text =
         "Namespace (OpenBao, Vault Enterprise). Vault's community edition ignores it without a "
         "word. Variable VAULT_NAMESPACE.",
     .example = "team1/"},
    {.name = "mount",
     .type = Type::kString,
     .fallback = "secret",
     .most = "500",
     .change = Change::kRestart,
     .text = "Where the KV engine is mounted. Variable VAULT_MOUNT_PATH.",
     .example = "secret"},
    {.name = "prefix",
     .type = Type::kString,
     .fallback = "warder",
     .most = "500",
     .change = Change::kRestart,
     .text = "Folder of the documents under the mount.",
     .example = "warder"},
    {.name = "kv_version",
     .type = Type::kEnum,
     .fallback = "found",
     .choices = kKvVersions,
     .change = Change::kRestart,
     .text = "Version of the KV engine. It is found out; set it only where the vault does not let "
             "this identity ask, and the version is 1. Variable VAULT_KV_VERSION.",
     .example = "2"},
    {.name = "audit_devices",
     .type = Type::kWords,
     .fallback = "",
     .most = "16",
     .change = Change::kRestart,
     .text =
         "The vault's audit devices (its command: audit list) that are looked at every "
         "interval: whether they are there, and still those that they were, which "
         "sys/audit-hash of a constant tells. It needs update on sys/audit-hash/NAME, and each "
         "look is two lines of the vault's audit log. An identity that may read sys/audit finds "
         "the devices by itself.",
     .example = "file"},
    {.name = "ca_file",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "PEM file of the authority that signed the vault's certificate. Unless set: the "
             "system's authorities. Variable VAULT_CACERT.",
     .example = "/etc/warder/vault-ca.pem"},
    {.name = "ca_folder",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "Folder of such files, prepared with openssl rehash. Variable VAULT_CAPATH.",
     .example = "/etc/warder/vault-ca.d"},
    {.name = "client_certificate",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "PEM file of the certificate shown to the vault. Variable VAULT_CLIENT_CERT.",
     .example = "/etc/warder/vault-client.pem"},
    {.name = "client_key",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "PEM file of its key. Variable VAULT_CLIENT_KEY.",
     .example = "/etc/warder/vault-client.key"},
    {.name = "tls_skip_verify",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kRestart,
     .text = "Do not check the vault's certificate. Enough for a vault on this machine; for any "
             "other one the variable VAULT_SKIP_VERIFY=true must say the same, since whoever sits "
             "in between then reads every secret.",
     .example = "no"},
    {.name = "plain_http",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kRestart,
     .text = "Allow http:// to another machine (a container network). Token and secrets are "
             "readable on the way.",
     .example = "no"},
    {.name = "timeout",
     .type = Type::kDuration,
     .fallback = "15s",
     .least = "1s",
     .most = "2m",
     .change = Change::kRestart,
     .text = "How long one request may take. Variable VAULT_CLIENT_TIMEOUT.",
     .example = "15s"},
    {.name = "login",
     .type = Type::kEnum,
     .choices = kMethods,
     .change = Change::kRestart,
     .text = "How to log in. Unless set, what is given decides: VAULT_TOKEN or token, role_id, "
             "kubernetes_role, username, client_certificate, socket.",
     .example = "approle"},
    {.name = "login_mount",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "Where the login method is mounted, when not under its own name.",
     .example = "approle"},
    {.name = "token",
     .type = Type::kSecret,
     .change = Change::kRestart,
     .text = "A token. VAULT_TOKEN (or VAULT_TOKEN_FILE) in the environment wins over every other "
             "login, so that an operator can use his own rights for one command.",
     .example = "file:/etc/warder/vault.token"},
    {.name = "role_id",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "AppRole: the RoleID. Variable VAULT_ROLE_ID.",
     .example = "03ae93c1-6a0f-4c5c-9d0b-1f0d3a1b2c3d"},
    {.name = "secret_id",
     .type = Type::kSecret,
     .change = Change::kRestart,
     .text =
         "AppRole: the SecretID. Variables VAULT_SECRET_ID, VAULT_SECRET_ID_FILE. A service "
         "takes the credential with the file's name that its unit gives it (LoadCredential), if "
         "there is one, so the file may be root's.",
     .example = "file:/etc/warder/vault.secret-id"},
    {.name = "secret_id_wrapped",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kRestart,
     .text = "secret_id is a response-wrapping token, good for one use. The file it stands in is "
             "removed once used; the SecretID is kept sealed beside the copies of the documents.",
     .example = "yes"},
    {.name = "secret_id_path",
     .type = Type::kString,
     .most = "500",
     .change = Change::kRestart,
     .text =
         "What the wrapping token must have been made for. Unless set: the SecretID of any role.",
     .example = "auth/approle/role/warder/secret-id"},
    {.name = "kubernetes_role",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "Kubernetes: the role. Variable VAULT_KUBERNETES_ROLE.",
     .example = "warder"},
    {.name = "kubernetes_token",
     .type = Type::kPath,
     .fallback = "/var/run/secrets/kubernetes.io/serviceaccount/token",
     .change = Change::kRestart,
     .text = "Kubernetes: file of the service account's token, read at each login.",
     .example = "/var/run/secrets/tokens/vault"},
    {.name = "username",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "Userpass: the name. It stands in the vault's audit log.",
     .example = "warder"},
    {.name = "password",
     .type = Type::kSecret,
     .change = Change::kRestart,
     .text = "Userpass: the password.",
     .example = "credential:vault.password"},
    {.name = "cert_role",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "Certificate: the role; unless set, the vault tries all of them.",
     .example = "warder"},
};

constexpr config::Table kTable{.section = "vault",
                               .text = "Keys for provider = vault (HashiCorp Vault, OpenBao).",
                               .keys = kKeys};

bool is_loopback(const std::string& address) {
  const auto target = http::parse_target(address);
  if (!target) {
    return false;
  }
  if (target->host == "localhost") {
    return true;
  }
  const auto ip = net::IpAddress::parse(target->host);
  return ip && http::not_public(*ip) == "loopback";
}

// Collects the options and everything that is wrong with them.
class Reader {
 public:
  Reader(const config::Values& values, const Environment& environment)
      : values_(values), environment_(environment) {}

  std::optional<std::string> variable(std::string_view name) const {
    auto value = environment_("VAULT_" + std::string(name));
    return value ? value : environment_("BAO_" + std::string(name));
  }
  // The variable, else the key, else "".
  std::string text(std::string_view key, std::string_view name) const {
    if (!name.empty()) {
      if (auto value = variable(name)) {
        return *value;
      }
    }
    return values_.has(key) ? values_.string(key) : std::string();
  }
  std::filesystem::path path(std::string_view key, std::string_view name) const {
    if (!name.empty()) {
      if (auto value = variable(name)) {
        return *value;
      }
    }
    return values_.has(key) ? values_.path(key) : std::filesystem::path();
  }
  bool has_secret(std::string_view key, std::string_view name) const {
    return (!name.empty() && (variable(name) || file_variable(name))) || values_.has(key);
  }
  // VAULT_TOKEN_FILE names the file that VAULT_TOKEN would be read from.
  std::optional<std::string> file_variable(std::string_view name) const {
    return variable(std::string(name) + "_FILE");
  }
  SecretReader secret(std::string_view key, std::string_view name) const {
    if (!name.empty()) {
      if (const auto value = variable(name)) {
        auto kept = std::make_shared<crypto::SecretString>(*value);
        return [kept]() -> util::Result<crypto::SecretString> { return kept->copy(); };
      }
      if (const auto file = file_variable(name)) {
        const config::SecretReference reference{
            .kind = config::SecretReference::Kind::kFile, .document = {}, .name = *file};
        return [reference] { return resolve(reference, {}); };
      }
    }
    if (!values_.has(key)) {
      return {};
    }
    return [reference = values_.secret(key)] { return resolve(reference, {}); };
  }
  void wrong(std::string_view key, std::string_view what) {
    problems_ += fmt::format("{}[vault] {}: {}", problems_.empty() ? "" : "\n", key, what);
  }
  const std::string& problems() const { return problems_; }
  const config::Values& values() const { return values_; }

 private:
  const config::Values& values_;
  const Environment& environment_;
  std::string problems_;
};

void read_connection(Reader* reader, ServerConnection* connection) {
  const config::Values& values = reader->values();
  for (const char* name : {"PROXY_ADDR", "AGENT_ADDR"}) {
    if (const auto value = reader->variable(name)) {
      if (value->starts_with("unix://")) {
        connection->socket = value->substr(7);
      } else {
        connection->addresses = {*value};
      }
    }
  }
  if (values.has("socket") && connection->socket.empty()) {
    connection->socket = values.path("socket");
  }
  if (connection->addresses.empty()) {
    if (const auto value = reader->variable("ADDR")) {
      for (const std::string_view word : util::split_words(*value, " \t,")) {
        connection->addresses.emplace_back(word);
      }
    } else if (values.has("address")) {
      connection->addresses = values.list("address");
    }
  }
  if (!connection->socket.empty()) {
    connection->addresses = {"http://localhost"};
  }
  if (connection->addresses.empty()) {
    reader->wrong("address",
                  "is not set, nor VAULT_ADDR; write for instance "
                  "https://vault.example.com:8200");
  }
  connection->name_space = reader->text("namespace", "NAMESPACE");
  connection->ca_file = reader->path("ca_file", "CACERT");
  connection->ca_folder = reader->path("ca_folder", "CAPATH");
  connection->client_certificate = reader->path("client_certificate", "CLIENT_CERT");
  connection->client_key = reader->path("client_key", "CLIENT_KEY");
  if (connection->client_certificate.empty() != connection->client_key.empty()) {
    reader->wrong("client_certificate",
                  "certificate and client_key belong together, one is missing");
  }
  connection->timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(values.duration("timeout"));
  if (const auto limit = reader->variable("CLIENT_TIMEOUT")) {
    const auto parsed = util::parse_duration(*limit);
    if (!parsed || *parsed < std::chrono::seconds(1) || *parsed > std::chrono::minutes(5)) {
      reader->wrong("timeout", fmt::format("VAULT_CLIENT_TIMEOUT is '{}'; it may be 1s to 5min",
                                           util::printable(*limit, 20)));
    } else {
      connection->timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
    }
  }
  const bool skip_by_key = values.boolean("tls_skip_verify");
  const bool skip_by_variable = says_yes(reader->variable("SKIP_VERIFY").value_or(""));
  bool all_here = true;
  for (std::string& address : connection->addresses) {
    while (address.ends_with('/')) {
      address.pop_back();
    }
    const auto target = http::parse_target(address);
    if (!target) {
      reader->wrong("address",
                    fmt::format("'{}' is no http or https address{}", util::printable(address, 100),
                                address.find("://") == std::string::npos
                                    ? "; write https:// (or http://) before it"
                                    : ""));
      continue;
    }
    const bool here = is_loopback(address) || !connection->socket.empty();
    all_here = all_here && here;
    if (target->scheme == "http" && !here && !values.boolean("plain_http")) {
      reader->wrong("address",
                    fmt::format("{} is not encrypted: token and secrets would be readable on the "
                                "way; use https://, or say plain_http = yes if the network is "
                                "yours alone",
                                target->to_string()));
    }
  }
  if (skip_by_key || skip_by_variable) {
    if (all_here || (skip_by_key && skip_by_variable)) {
      connection->verify = http::Verify::kNo;
    } else {
      reader->wrong("tls_skip_verify",
                    "for a vault on another machine this must be said twice, by this key and by "
                    "VAULT_SKIP_VERIFY=true; better name its authority in ca_file (VAULT_CACERT)");
    }
  }
}

std::optional<LoginMethod> login_method(const Reader& reader, const ServerConnection& connection) {
  if (reader.variable("TOKEN") || reader.file_variable("TOKEN")) {
    return LoginMethod::kToken;
  }
  if (reader.values().has("login")) {
    return reader.values().choice<LoginMethod>("login");
  }
  if (reader.has_secret("token", "TOKEN")) {
    return LoginMethod::kToken;
  }
  if (!reader.text("role_id", "ROLE_ID").empty()) {
    return LoginMethod::kAppRole;
  }
  if (!reader.text("kubernetes_role", "KUBERNETES_ROLE").empty()) {
    return LoginMethod::kKubernetes;
  }
  if (!reader.text("username", "").empty()) {
    return LoginMethod::kUserpass;
  }
  if (!connection.client_certificate.empty()) {
    return LoginMethod::kCertificate;
  }
  if (!connection.socket.empty()) {
    return LoginMethod::kProxy;
  }
  return std::nullopt;
}

void need(Reader* reader, bool there, std::string_view key, std::string_view what) {
  if (!there) {
    reader->wrong(key, what);
  }
}

// The file is root's, and the service another user's: its unit hands it over as a credential of the
// file's name (systemd/warder.service).
SecretReader secret_id(const Reader& reader) {
  SecretReader given = reader.secret("secret_id", "SECRET_ID");
  if (!reader.values().has("secret_id") || reader.variable("SECRET_ID") ||
      reader.file_variable("SECRET_ID")) {
    return given;
  }
  const config::SecretReference reference = reader.values().secret("secret_id");
  if (reference.kind != config::SecretReference::Kind::kFile) {
    return given;
  }
  return
      [given = std::move(given), name = std::filesystem::path(reference.name).filename().string()]()
          -> util::Result<crypto::SecretString> {
        const auto handed_over = read_credential(name);
        if (handed_over) {
          return crypto::SecretString(util::trim(handed_over->view()));
        }
        // A credential that is there and cannot be read is not passed over.
        return handed_over.error().code() == ErrorCode::kNotFound ? given() : handed_over.error();
      };
}

void read_login(Reader* reader, const std::filesystem::path& state, ServerVaultOptions* options) {
  const config::Values& values = reader->values();
  LoginOptions& login = options->login;
  const auto method = login_method(*reader, options->connection);
  if (!method) {
    reader->wrong("login",
                  "nothing says how to log in: set VAULT_TOKEN, or role_id and secret_id "
                  "(VAULT_ROLE_ID, VAULT_SECRET_ID), kubernetes_role, username, or a "
                  "client_certificate");
    return;
  }
  login.method = *method;
  login.mount = values.has("login_mount")
                    ? values.string("login_mount")
                    : std::string(kDefaultMounts[static_cast<std::size_t>(*method)]);
  switch (*method) {
    case LoginMethod::kToken:
      login.secret = reader->secret("token", "TOKEN");
      need(reader, static_cast<bool>(login.secret), "token", "is needed for login = token");
      return;
    case LoginMethod::kAppRole:
      login.name = reader->text("role_id", "ROLE_ID");
      login.secret = secret_id(*reader);
      need(reader, !login.name.empty(), "role_id", "is needed for login = approle (VAULT_ROLE_ID)");
      need(reader, static_cast<bool>(login.secret), "secret_id",
           "is needed for login = approle (VAULT_SECRET_ID)");
      login.wrapped = values.boolean("secret_id_wrapped");
      if (login.wrapped) {
        login.wrapped_path = values.has("secret_id_path") ? values.string("secret_id_path") : "";
        login.keep_file = state.empty() ? state : state / "secret-id.sealed";
        if (!reader->variable("SECRET_ID") && !reader->file_variable("SECRET_ID") &&
            values.has("secret_id") &&
            values.secret("secret_id").kind == config::SecretReference::Kind::kFile) {
          login.delivered = [path = values.secret("secret_id").name] { ::unlink(path.c_str()); };
        }
      }
      return;
    case LoginMethod::kKubernetes: {
      login.name = reader->text("kubernetes_role", "KUBERNETES_ROLE");
      need(reader, !login.name.empty(), "kubernetes_role",
           "is needed for login = kubernetes (VAULT_KUBERNETES_ROLE)");
      // Projected tokens are readable for the pod's group: no private file.
      login.secret = [path =
                          values.path("kubernetes_token")]() -> util::Result<crypto::SecretString> {
        WARDER_ASSIGN_OR_RETURN(std::string text, util::read_file(path, util::kibibytes(64)));
        crypto::SecretString token(util::trim(text));
        crypto::wipe(&text);
        return token;
      };
      return;
    }
    case LoginMethod::kUserpass:
      login.name = reader->text("username", "");
      login.secret = reader->secret("password", "");
      need(reader, !login.name.empty(), "username", "is needed for login = userpass");
      need(reader, static_cast<bool>(login.secret), "password", "is needed for login = userpass");
      return;
    case LoginMethod::kCertificate:
      login.name = reader->text("cert_role", "");
      need(reader, !options->connection.client_certificate.empty(), "client_certificate",
           "is needed for login = cert (VAULT_CLIENT_CERT)");
      return;
    case LoginMethod::kProxy:
      need(reader,
           !options->connection.socket.empty() || reader->variable("AGENT_ADDR") ||
               reader->variable("PROXY_ADDR"),
           "socket", "is needed for login = proxy (VAULT_PROXY_ADDR)");
      return;
  }
}

}  // namespace

const config::Table& server_table() { return kTable; }

bool says_how_to_log_in(const config::Values& values, const Environment& environment) {
  Reader reader(values, environment);
  ServerConnection connection;
  read_connection(&reader, &connection);
  return login_method(reader, connection).has_value();
}

std::vector<std::string> watched_audit_devices(const config::Values& values) {
  std::vector<std::string> names = values.list("audit_devices");
  for (std::string& name : names) {
    name.erase(name.find_last_not_of('/') + 1);  // as the vault lists them
  }
  std::erase(names, "");
  return names;
}

bool enabled_by(const Environment& environment) {
  return says_yes(environment("VAULT_ENABLED").value_or(""));
}

util::Result<ServerVaultOptions> server_options(const config::Values& values,
                                                const Environment& environment,
                                                const std::filesystem::path& state) {
  Reader reader(values, environment);
  ServerVaultOptions options;
  read_connection(&reader, &options.connection);
  read_login(&reader, state, &options);
  options.mount = reader.text("mount", "MOUNT_PATH");
  options.prefix = reader.text("prefix", "");
  options.audit_devices.named = watched_audit_devices(values);
  const std::string version = reader.variable("KV_VERSION").value_or("");
  if (version == "1" || version == "2") {
    options.kv_version = version == "1" ? 1 : 2;
  } else if (!version.empty()) {
    reader.wrong("kv_version", fmt::format("VAULT_KV_VERSION is '{}'; it may be 1 or 2",
                                           util::printable(version, 20)));
  } else if (const std::size_t choice = values.choice_index("kv_version"); choice != 0) {
    options.kv_version = static_cast<int>(choice);
  }
  if (!reader.problems().empty()) {
    return Error(ErrorCode::kConfiguration, reader.problems());
  }
  return options;
}

}  // namespace warder::vault
