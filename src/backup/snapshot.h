#pragma once

#include "backup/streams.h"
#include "store/database.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace warder::backup {

struct SnapshotOptions {
  // The longest that a step may keep writers of a database without WAL waiting.
  std::chrono::milliseconds longest_lock{100};
  // How often the copy may begin anew because somebody wrote, before the last attempt is made in
  // one piece, with writers waiting as long as `longest_whole` allows.
  unsigned restarts = 3;
  std::chrono::milliseconds longest_whole{5000};
  // How long to wait for a lock that somebody else holds.
  std::chrono::milliseconds patience{30000};
};

struct SnapshotFacts {
  bool wal = false;
  unsigned restarts = 0;
  std::chrono::microseconds longest_step{0};  // the longest time that one step held the lock
};

// Copies a live database to `target` (a new file, 0600) by SQLite's online backup: one committed
// state, whatever is written meanwhile.
//
// In WAL mode the source is read inside one transaction: writers never wait, nothing restarts, and
// the journal cannot shrink until the copy is done. Otherwise the copy goes in steps and gives the
// lock back between them; a write in between makes SQLite begin anew.
//
// kNotFound, kDenied; kUnavailable when writers leave no gap (the text says what to do); kInvalid
// when it is no database or is replaced by another file meanwhile; kIo.
util::Result<SnapshotFacts> take_snapshot(const std::filesystem::path& source,
                                          const std::filesystem::path& target,
                                          const SnapshotOptions& options, const util::Clock& clock,
                                          const Progress& progress);

}  // namespace warder::backup
