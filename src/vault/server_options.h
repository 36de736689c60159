#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "util/result.h"
#include "vault/environment.h"
#include "vault/server_vault.h"

#include <filesystem>
#include <string>
#include <vector>

namespace warder::vault {

// The keys of [vault] for `provider = vault`: a second table of the same section.
const config::Table& server_table();

// Which vault is asked when `provider` is not set: VAULT_ENABLED=true asks the server.
bool enabled_by(const Environment& environment);

// [vault] audit_devices.
std::vector<std::string> watched_audit_devices(const config::Values& values);

// True if the configuration or a variable says how to log in, completely or not.
bool says_how_to_log_in(const config::Values& values, const Environment& environment);

// From the configuration and the variables VAULT_* (or BAO_*), of which one that is set wins over
// its key, as with the vault's own tools. `state` is the folder for a kept SecretID; may be empty.
//
// kInvalid, all reasons at once: no address, plain HTTP or an unchecked certificate to another
// machine that was not asked for twice, a login that lacks a part.
util::Result<ServerVaultOptions> server_options(const config::Values& values,
                                                const Environment& environment,
                                                const std::filesystem::path& state);

}  // namespace warder::vault
