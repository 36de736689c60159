#pragma once

#include "agent/command.h"
#include "agent/vault_words.h"
#include "vault/keys.h"
#include "vault/server_policy.h"

namespace warder::agent {

// What this host's agent does at a HashiCorp Vault or OpenBao besides reading documents: by the
// words of the command, and by the configuration (files, and the vault's documents over them, where
// they can be read). Mount, prefix and KV version are left as they are by default.
vault::PolicyPlan needs_at_the_vault(const Globals& globals, const vault::VaultOptions& options,
                                     const VaultWords& words);

}  // namespace warder::agent
