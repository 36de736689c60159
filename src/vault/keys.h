#pragma once

#include "config/check.h"
#include "config/keys.h"
#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/options.h"
#include "vault/provider.h"
#include "vault/server_vault.h"

#include <filesystem>
#include <memory>

namespace warder::vault {

// Whether this process is the one that keeps things beside the documents (the agent), or a command.
enum class Copies { kKept, kNone };

const config::Table& vault_table();
// `checked` with vault_table(), server_table() and oci_table(); `state` is the folder of what lies
// somewhere by default.
VaultOptions vault_options(const config::Checked& checked, const std::filesystem::path& state,
                           const Environment& environment);

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
