#include "vault/keys.h"

#include "crypto/random.h"
#include "vault/file_vault.h"
#include "vault/key.h"
#include "vault/oci_options.h"

#include <fmt/core.h>

#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::vault {
namespace {

using config::Change;
using config::Key;
using config::Type;

// In the order of ProviderKind. A provider is added here and in open_vault().
constexpr std::string_view kProviders[] = {"file", "vault", "oci"};

constexpr Key kKeys[] = {
    {.name = "provider",
     .type = Type::kEnum,
     .choices = kProviders,
     .change = Change::kRestart,
     .text = "What keeps the documents: file is the embedded vault, one encrypted file; vault is "
             "HashiCorp Vault or OpenBao; oci is OCI Vault. Unless set: vault when the environment "
             "says VAULT_ENABLED=true, oci when it says OCI_VAULT_ENABLED=true, else file.",
     .example = "file"},
    {.name = "path",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "The file of the embedded vault. `warder vault setup` makes it. Unless set: "
             "vault.sealed in the folder of [agent] state. The variable WARDER_VAULT_FILE wins "
             "over it.",
     .example = "/var/lib/warder/vault.sealed"},
    {.name = "credential",
     .type = Type::kString,
     .fallback = "vault.key",
     .most = "200",
     .change = Change::kRestart,
     .text =
         "Name of the systemd credential that holds the key (LoadCredential= of the unit). Used "
         "when systemd gave it to the process, before key_file.",
     .example = "vault.key"},
    {.name = "key_file",
     .type = Type::kPath,
     .fallback = "/etc/warder/vault.key",
     .change = Change::kRestart,
     .text = "File with the key: 64 hexadecimal digits, mode 0600. Keep a copy outside this host: "
             "without the key nobody can open the vault. The variable WARDER_VAULT_KEY_FILE wins.",
     .example = "/etc/warder/vault.key"},
    {.name = "mark",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "Remembers how new the vault was when last seen, so that an older copy of it is "
             "refused. Best in a folder that whoever can write the vault cannot write. Unless "
             "set: beside the vault, its name with .mark at the end.",
     .example = "/var/lib/warder/vault.mark"},
    {.name = "versions",
     .type = Type::kInteger,
     .fallback = "10",
     .least = "1",
     .most = "1000",
     .change = Change::kRestart,
     .text = "How many versions of each document are kept.",
     .example = "20"},
    {.name = "interval",
     .type = Type::kDuration,
     .fallback = "30s",
     .least = "1s",
     .most = "1d",
     .change = Change::kRestart,
     .text = "How often the documents are looked at. A change of the embedded vault is noticed at "
             "once in any case.",
     .example = "30s"},
    {.name = "rotate",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kRestart,
     .text = "Whether the agent replaces secrets when the document rotation says so (warder vault "
             "rotate DOC/KEY --every 30d), and takes the previous ones away when their overlap is "
             "over. It needs the right to write these documents; else let a timer run warder vault "
             "rotate --due for somebody who has it.",
     .example = "yes"},
    {.name = "cosign",
     .type = Type::kString,
     .fallback = "",
     .most = "128",
     .change = Change::kRestart,
     .text =
         "Name of a key of HashiCorp Vault's or OpenBao's transit engine, of the type ed25519, "
         "by which the agent has the newest checkpoint of its history signed as well; what comes "
         "of it is kept in [agent] state, cosigned-checkpoints. It needs the rights to update "
         "transit/sign/KEY and to read transit/keys/KEY.",
     .example = "warder-witness"},
    {.name = "cosign_interval",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "1s",
     .most = "7d",
     .change = Change::kRestart,
     .text = "How often that is done, if there is a new checkpoint ([store] checkpoint_interval).",
     .example = "1h"},
    {.name = "copies",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "Folder of the last good copies of what came from a vault in the network, sealed with "
             "the key of credential or key_file (without one: with a key made in this folder, "
             "which hides them from backups of single files only). Unless set: vault-copies in the "
             "folder of [agent] state.",
     .example = "/var/lib/warder/vault-copies"},
    {.name = "cache_time",
     .type = Type::kDuration,
     .fallback = "5m",
     .least = "1s",
     .most = "1d",
     .change = Change::kRestart,
     .text = "How long a secret from a vault in the network is used without asking again. Shorter "
             "than the time in which secrets are rotated.",
     .example = "5m"},
};

constexpr config::Table kTable{
    .section = "vault",
    .text =
        "Where jails, alerts and secrets come from, over what the files say. Without a vault "
        "(no file at path) the files alone count.",
    .keys = kKeys};

}  // namespace

const config::Table& vault_table() { return kTable; }

VaultOptions vault_options(const config::Checked& checked, const std::filesystem::path& state,
                           const Environment& environment) {
  const config::Values& values = checked.one(vault_table());
  VaultOptions options(checked.one(server_table()), checked.one(oci_table()), environment);
  options.kind = values.has("provider")        ? values.choice<ProviderKind>("provider")
                 : enabled_by(environment)     ? ProviderKind::kServer
                 : oci_enabled_by(environment) ? ProviderKind::kOci
                                               : ProviderKind::kFile;
  options.cosign = values.string("cosign");
  options.cosign_interval =
      std::chrono::duration_cast<std::chrono::seconds>(values.duration("cosign_interval"));
  options.copies = values.has("copies") ? values.path("copies") : state / "vault-copies";
  options.cache_time =
      std::chrono::duration_cast<std::chrono::seconds>(values.duration("cache_time"));
  options.path = values.has("path") ? values.path("path") : state / "vault.sealed";
  // For a machine without a configuration; as with the other providers a variable wins.
  if (const auto path = environment("WARDER_VAULT_FILE")) {
    options.path = *path;
  }
  options.credential = values.has("credential") ? values.string("credential") : "";
  options.key_file = values.has("key_file") ? values.path("key_file") : "";
  if (const auto key_file = environment("WARDER_VAULT_KEY_FILE")) {
    options.key_file = *key_file;
  }
  options.mark = values.has("mark") ? values.path("mark")
                                    : std::filesystem::path(options.path.string() + ".mark");
  options.versions = static_cast<std::size_t>(values.integer("versions"));
  options.interval = std::chrono::duration_cast<std::chrono::seconds>(values.duration("interval"));
  options.rotate = values.boolean("rotate");
  return options;
}

util::Result<crypto::SecretString> vault_key(const VaultOptions& options) {
  if (!options.credential.empty()) {
    auto key = load_key_credential(options.credential);
    // Not given to us: a command that an operator runs. Anything else is worth telling.
    if (key || key.error().code() != util::ErrorCode::kNotFound || options.key_file.empty()) {
      return key;
    }
  }
  if (options.key_file.empty()) {
    return util::Error(util::ErrorCode::kNotFound,
                       "the vault has no key: set credential or key_file in [vault]");
  }
  std::optional<uid_t> owner;
  struct stat info{};
  if (::geteuid() == 0 && ::stat(options.path.c_str(), &info) == 0) {
    owner = info.st_uid;
  }
  return load_key_file(options.key_file, owner);
}

util::Result<crypto::SecretString> copies_key(const VaultOptions& options) {
  auto key = vault_key(options);
  if (key || key.error().code() != util::ErrorCode::kNotFound) {
    return key;
  }
  std::error_code error;
  std::filesystem::create_directories(options.copies, error);
  if (!error) {
    std::filesystem::permissions(options.copies, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return util::Error(util::ErrorCode::kIo,
                       fmt::format("{}: {}; the folder must be one that the agent can make",
                                   options.copies.string(), error.message()));
  }
  const std::filesystem::path file = options.copies / "key";
  if (auto own = load_key_file(file); own || own.error().code() != util::ErrorCode::kNotFound) {
    return own;
  }
  WARDER_RETURN_IF_ERROR(create_key_file(file));
  return load_key_file(file);
}

util::Result<std::unique_ptr<ServerVault>> open_server_vault(const VaultOptions& options,
                                                             Copies copies,
                                                             const util::Clock& clock) {
  WARDER_ASSIGN_OR_RETURN(
      ServerVaultOptions server,
      server_options(options.server, options.environment,
                     copies == Copies::kKept ? options.copies : std::filesystem::path()));
  if (copies == Copies::kKept) {
    auto key = copies_key(options);
    if (key) {
      // '+' begins no document's name.
      server.audit_devices.file = options.copies / "+audit-devices.sealed";
      server.audit_devices.key = key->copy();
      server.keep_key = std::move(*key);
    } else if (!server.login.keep_file.empty()) {
      return key.error();
    }
  }
  return std::make_unique<ServerVault>(std::move(server), clock, crypto::random_seed());
}

util::Result<std::unique_ptr<Provider>> open_vault(const VaultOptions& options, Copies copies,
                                                   const util::Clock& clock) {
  if (options.kind == ProviderKind::kServer) {
    WARDER_ASSIGN_OR_RETURN(std::unique_ptr<Provider> vault,
                            open_server_vault(options, copies, clock));
    return vault;
  }
  if (options.kind == ProviderKind::kOci) {
    return open_oci_vault(options.oci, options.environment, clock);
  }
  struct stat info{};
  if (::lstat(options.path.c_str(), &info) != 0 && errno == ENOENT) {
    return util::Error(util::ErrorCode::kNotFound,
                       fmt::format("{}: there is no vault; make one with: warder vault setup",
                                   options.path.string()));
  }
  WARDER_ASSIGN_OR_RETURN(crypto::SecretString key, vault_key(options));
  WARDER_ASSIGN_OR_RETURN(
      std::unique_ptr<Provider> vault,
      FileVault::open(options.path, std::move(key),
                      {.versions = options.versions, .mark = options.mark}, clock));
  return vault;
}

}  // namespace warder::vault
