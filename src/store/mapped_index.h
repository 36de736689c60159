#pragma once

struct sqlite3;

namespace warder::store {

// The index of the write-ahead log (warder.db-shm) is a file that SQLite maps into memory and
// stores into. On a file system that writes elsewhere what it changes (btrfs), a page that was
// written to the disk needs room before it can be stored into again, and where the disk is full or
// a quota exceeded, the store ends the process with SIGBUS. From now on this connection has the
// kernel make those pages writable before each lock that SQLite takes on the index, and a lock that
// finds no room fails with SQLITE_FULL. Needs Linux 5.14; before, nothing changes.
//
// For an open connection through SQLite's own file system, before its first statement.
void guard_mapped_index(sqlite3* connection);

}  // namespace warder::store
