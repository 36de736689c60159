#pragma once

#include "config/check.h"
#include "config/keys.h"
#include "config/values.h"
#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"
#include "vault/server_options.h"
#include "vault/server_vault.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace warder::vault {

enum class ProviderKind { kFile, kServer, kOci };
// Whether this process is the one that keeps things beside the documents (the agent), or a command.
enum class Copies { kKept, kNone };

// [vault]: where documents and secrets come from.
struct VaultOptions {
  std::filesystem::path path;      // of the embedded vault
  std::string credential;          // the key, when systemd gave it to this process
  std::filesystem::path key_file;  // otherwise here; may be empty
  std::filesystem::path mark;      // FileVaultOptions::mark
  std::size_t versions = 10;
  std::chrono::seconds interval{30};  // how often the documents are looked at
  bool rotate = false;                // the agent replaces secrets by the document `rotation`
  std::string cosign;                 // key of transit that signs the agent's checkpoints; or empty
  std::chrono::seconds cosign_interval{3600};
  ProviderKind kind = ProviderKind::kFile;
  std::optional<config::Values> server;  // of server_table(), for kServer
  std::optional<config::Values> oci;     // of oci_table(), for kOci
  Environment environment;               // VAULT_* variables
  std::filesystem::path copies;          // of the cache, and of a SecretID
  std::chrono::seconds cache_time{300};
};

const config::Table& vault_table();
// `checked` with vault_table(), server_table() and oci_table().
VaultOptions vault_options(const config::Checked& checked, const Environment& environment);

// The key: the credential when this process has it, else the key file. Root may use a key file of
// the vault's owner.
util::Result<crypto::SecretString> vault_key(const VaultOptions& options);
// The key that seals copies: vault_key(), else one in the folder of the copies, made when missing.
util::Result<crypto::SecretString> copies_key(const VaultOptions& options);
// The vault of the configuration, opened; one in the network is not asked yet. kNotFound when the
// embedded one was never set up. `clock` must outlive it.
util::Result<std::unique_ptr<Provider>> open_vault(const VaultOptions& options, Copies copies,
                                                   const util::Clock& clock);
// For what only a vault in the network has.
util::Result<std::unique_ptr<ServerVault>> open_server_vault(const VaultOptions& options,
                                                             Copies copies,
                                                             const util::Clock& clock);

}  // namespace warder::vault
