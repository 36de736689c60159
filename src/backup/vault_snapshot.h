#pragma once

#include "backup/streams.h"
#include "util/result.h"
#include "vault/server_vault.h"

#include <filesystem>

namespace warder::backup {

// Writes a snapshot of the vault's raft storage to `target` (a new file, 0600), as the vault gives
// it out: all that it holds, as it stands on its disks, which its own unseal keys open and nothing
// else. It is the leader's to give: nodes that send elsewhere are passed over.
//
// The identity needs `read` on sys/storage/raft/snapshot. kDenied without it; kUnavailable when no
// node answers as leader or the vault keeps its data elsewhere than in raft.
util::Status fetch_vault_snapshot(vault::ServerVault& vault, const std::filesystem::path& target,
                                  const Progress& progress);

}  // namespace warder::backup
