#pragma once

#include "backup/manifest.h"
#include "backup/streams.h"
#include "backup/tar.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace warder::backup {

// One file of a backup, ready to be unpacked.
struct Packed {
  std::filesystem::path path;
  BackupFile file;
  // Whether the sizes and digests in `file` are known; a file without a manifest has none.
  bool has_digests = true;
  const crypto::SecretString* passphrase = nullptr;  // of an encrypted one
  util::ByteCount limit;                             // what it may unpack to at most
  bool for_trial = false;  // what it unpacks to is removed again: it need not reach the disk
};

// Unpacks to `target`, which must not exist: a database file for binary and sql_dump, a folder for
// full. Only after success is anything there to be believed: the stored bytes are compared with the
// manifest before the first is decrypted, the unpacked ones after the last. What was begun is
// removed on failure.
util::Status unpack(const Packed& packed, const std::filesystem::path& target, bool keep_owners,
                    const Progress& progress);

// What a restored copy is checked against.
struct Expectation {
  std::optional<DatabaseFacts> database;
  std::vector<std::string> queries;
  // Where the agent's history stood. When the database is that history, it must hold this root, and
  // every row the hash it was stored with.
  std::optional<HistoryMark> history{};
};

// Checks what unpack() made: integrity, foreign keys, rows of each table, real queries, the root of
// a history.
util::Status check_unpacked(const Packed& packed, const std::filesystem::path& unpacked,
                            const Expectation& expected);

// The database in an unpacked file: itself, or where it lies in the tree.
std::filesystem::path database_in(const Packed& packed, const std::filesystem::path& unpacked,
                                  const DatabaseFacts& facts);

// unpack() and check_unpacked() below `work` (an existing folder), which is left empty. How long
// it took. With `unpacked`, that says on failure whether it unpacked to what had been packed.
util::Result<double> prove(Packed packed, const Expectation& expected,
                           const std::filesystem::path& work, const util::Clock& clock,
                           const Progress& progress, bool* unpacked = nullptr);

}  // namespace warder::backup
