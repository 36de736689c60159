#pragma once

#include "config/values.h"
#include "vault/environment.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

namespace warder::vault {

enum class ProviderKind { kFile, kServer, kOci };
// [vault]: where documents and secrets come from.
struct VaultOptions {
  VaultOptions(config::Values server_values, config::Values oci_values, Environment reader)
      : server(std::move(server_values)),
        oci(std::move(oci_values)),
        environment(std::move(reader)) {}

  config::Values server;    // of server_table()
  config::Values oci;       // of oci_table()
  Environment environment;  // VAULT_* variables
  ProviderKind kind = ProviderKind::kFile;
  std::filesystem::path path;      // of the embedded vault
  std::string credential;          // the key, when systemd gave it to this process
  std::filesystem::path key_file;  // otherwise here; may be empty
  std::filesystem::path mark;      // FileVaultOptions::mark
  std::size_t versions = 10;
  std::chrono::seconds interval{30};  // how often the documents are looked at
  bool rotate = false;                // the agent replaces secrets by the document `rotation`
  std::string cosign;                 // key of transit that signs the agent's checkpoints; or empty
  std::chrono::seconds cosign_interval{3600};
  std::filesystem::path copies;  // of the cache, and of a SecretID
  std::chrono::seconds cache_time{300};
};

}  // namespace warder::vault
