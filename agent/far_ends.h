#pragma once

#include "ship/far_end.h"
#include "ship/keys.h"
#include "util/clock.h"
#include "vault/options.h"
#include "vault/server_vault.h"

namespace warder::agent {

// The accounts of [vault] behind what destinations need of them: ship knows no vault, vault no
// destination. `shared` is the agent's session with a vault, or null; it and `clock` must outlive
// all that is made.
ship::FarEnds far_ends(vault::VaultOptions options, vault::ServerVault* shared,
                       const util::Clock& clock);

}  // namespace warder::agent
