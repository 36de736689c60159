#pragma once

#include "util/clock.h"
#include "util/result.h"

#include <filesystem>
#include <string>
#include <string_view>

// The files of the store beside what SQLite does with them. Nothing here opens the database file
// while it exists: closing any descriptor of it would drop SQLite's locks on it in the whole
// process (POSIX fcntl locks), those of readers too.
namespace warder::store {

// Creates the database file with 0600 when it is not there, and takes the rights of others away
// when it is: it holds addresses of people. Rights of the group are the operator's choice.
util::Status prepare_file(const std::filesystem::path& path);

// An empty file where a store has been (its reserve is there): truncated by somebody, and nothing
// that SQLite would object to.
bool was_emptied(const std::filesystem::path& path);

// Moves a damaged database away whole, the journal first, so that no crash on the way leaves the
// old journal beside a new database. Gives the new name, PATH.damaged-YYYYMMDDTHHMMSSZ (with -2, -3
// ... when there is one already).
util::Result<std::filesystem::path> set_aside_files(const std::filesystem::path& path,
                                                    util::WallTime now);

// Writes the journal over with its own bytes and flushes it. After a failed sync the kernel holds
// pages that it calls clean and that never reached the disk; a second sync would succeed without
// writing them. Goes through the SQLite VFS `vfs`, like everything else that touches that file.
util::Status rewrite_journal(const std::filesystem::path& path, const std::string& vfs);

// "20261102T120000Z"
std::string compact_time(util::WallTime time);

}  // namespace warder::store
