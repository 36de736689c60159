#pragma once

#include "crypto/sha256.h"
#include "util/bytes.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace warder::backup {

// Where a raft log stood when a snapshot of it was made.
struct RaftMark {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
};

// The lines of a file SHA256SUMS, by name. kInvalid: a line that is not "HEX  NAME", a name with a
// folder in it or a name twice.
util::Result<std::map<std::string, crypto::Sha256Digest>> parse_sha256sums(std::string_view text);

// Looks whether `file` is a whole raft snapshot as HashiCorp Vault and OpenBao give them out
// (GET sys/storage/raft/snapshot; github.com/hashicorp/raft-snapshot, archive.go): a gzipped tar
// archive of meta.json, state.bin and SHA256SUMS, and SHA256SUMS.sealed, which the vault alone can
// read. Every other file must stand in SHA256SUMS with the digest that it has. It is unpacked into
// the new folder `work`, which is removed again; `limit` is what it may unpack to.
util::Result<RaftMark> check_raft_snapshot(const std::filesystem::path& file,
                                           const std::filesystem::path& work,
                                           util::ByteCount limit);

}  // namespace warder::backup
