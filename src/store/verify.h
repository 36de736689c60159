#pragma once

#include "crypto/ed25519.h"
#include "store/checkpoint.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace warder::store {

struct VerifyOptions {
  // The key that signs this history's checkpoints. Without it signatures are not checked, and the
  // report says so.
  std::optional<crypto::Ed25519PublicKey> key;
  // Checkpoints that were kept outside this machine: only they show a cut tail or a database that
  // was put back to an earlier day. The more there are, the closer a fault is told.
  struct Outside {
    std::string whose;  // "the checkpoint kept outside", for messages
    std::string note;
    // In the note's place, from one that vouches for it himself: its signature is not asked for.
    std::optional<Checkpoint> known = {};
  };
  std::vector<Outside> against;
  // Name of the SQLite VFS, for tests.
  std::string vfs;
};

enum class FaultKind : std::uint8_t {
  kChanged,     // a row does not give the hash it was stored with
  kMissing,     // a sequence has no row
  kInserted,    // a row stands where the history has no place for it
  kRoot,        // rows and hashes agree with one another but not with a root
  kCheckpoint,  // a checkpoint is malformed, of another log or signed by another key
  kTail,        // the history is shorter than a checkpoint says
  kDatabase,    // SQLite finds the file damaged
  kSchema,      // tables, views or names are not the agent's, or there is a trigger
};

std::string_view to_string(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kChanged;
  // The first sequence that is wrong; with kRoot the fault lies in [first, last].
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  std::string text;
};

struct VerifyReport {
  std::string origin;
  std::uint64_t size = 0;
  std::uint64_t first_kept = 0;  // [0, first_kept) was pruned; only its subtree roots are left
  std::uint64_t events_checked = 0;
  std::uint64_t checkpoints_checked = 0;
  std::uint64_t outside_checked = 0;  // from outside, of this history
  bool signatures_checked = false;
  std::string root;  // hex
  // In the order of the history; at most kMostFaults, then `more_faults` counts on.
  std::vector<Fault> faults;
  std::uint64_t more_faults = 0;
  // What is no fault but should be known: the outside knows another history of this host, too.
  std::vector<std::string> remarks;

  static constexpr std::size_t kMostFaults = 20;

  bool good() const { return faults.empty(); }
  std::string to_text() const;
  std::string to_json() const;
};

// Reads the whole history of the database at `path` and checks every leaf, the root, each stored
// checkpoint and those from outside. Uses a read-only connection of its own, so it may run beside
// the agent; sees one committed state. Any thread. A fault found is no Error: an Error means that
// the check could not be made (kNotFound, kDenied, kIo, kInvalid for a file that is no store).
util::Result<VerifyReport> verify(const std::filesystem::path& path, const VerifyOptions& options);

}  // namespace warder::store
