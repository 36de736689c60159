#pragma once

#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <functional>

struct sqlite3;

namespace warder::sqlite {

struct CopyOptions {
  // The longest that a step may keep writers of a database without WAL waiting.
  std::chrono::milliseconds longest_lock{100};
  // How often the copy may begin anew because somebody wrote, before the last attempt is made in
  // one piece, with writers waiting as long as `longest_whole` allows.
  unsigned restarts = 3;
  std::chrono::milliseconds longest_whole{5000};
  // How long to wait for a lock that somebody else holds.
  std::chrono::milliseconds patience{30000};
};

struct CopyFacts {
  bool wal = false;
  unsigned restarts = 0;
  std::chrono::microseconds longest_step{0};  // the longest time that one step held the lock
};

// Called after each step with the bytes so far; false stops with kUnavailable. May be empty.
using CopyProgress = std::function<bool(std::uint64_t bytes)>;

// Copies the main database of `from` over that of `to` by SQLite's online backup: one committed
// state, whatever is written meanwhile. Both are open; what is begun in `to` is no database when it
// fails.
//
// In WAL mode the source is read inside one transaction: writers never wait, nothing restarts, and
// the journal cannot shrink until the copy is done. Otherwise the copy goes in steps and gives the
// lock back between them; a write in between makes SQLite begin anew.
//
// kUnavailable when writers leave no gap (the text says what to do); kInvalid when it is damaged or
// no database; kIo.
util::Result<CopyFacts> copy_online(sqlite3* from, sqlite3* to, const CopyOptions& options,
                                    const util::Clock& clock, const CopyProgress& progress);

}  // namespace warder::sqlite
