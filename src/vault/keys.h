#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace warder::vault {

// [vault]: where documents and secrets come from.
struct VaultOptions {
  std::filesystem::path path;      // of the embedded vault
  std::string credential;          // the key, when systemd gave it to this process
  std::filesystem::path key_file;  // otherwise here; may be empty
  std::filesystem::path mark;      // FileVaultOptions::mark
  std::size_t versions = 10;
  std::chrono::seconds interval{30};  // how often the documents are looked at
};

const config::Table& vault_table();
VaultOptions vault_options(const config::Values& values);

// The key: the credential when this process has it, else the key file. Root may use a key file of
// the vault's owner.
util::Result<crypto::SecretString> vault_key(const VaultOptions& options);
// The vault of the configuration, opened. kNotFound when it was never set up. `clock` must outlive
// it.
util::Result<std::unique_ptr<Provider>> open_vault(const VaultOptions& options,
                                                   const util::Clock& clock);

}  // namespace warder::vault
