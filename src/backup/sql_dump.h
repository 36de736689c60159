#pragma once

#include "store/database.h"
#include "util/byte_stream.h"
#include "util/result.h"

#include <filesystem>

namespace warder::backup {

// Writes the whole database as SQL that `sqlite3 NEW < FILE` reads: schema, rows, then indexes,
// triggers and views, in one transaction. Beside what `.dump` of sqlite3(1) writes it keeps
// user_version, application_id, and text with a zero byte; numbers are written so that reading them
// gives the same number.
util::Status write_sql_dump(store::Connection& from, util::ByteSink& to);

// Makes the database `target` (a new file, 0600) from SQL text. Nothing but what a dump needs is
// allowed in it: no ATTACH, no functions that load or read files. Read in one pass, one statement
// in memory at a time. kInvalid for SQL that does not run or does not end with COMMIT.
util::Status execute_sql_dump(util::ByteSource& from, const std::filesystem::path& target);

}  // namespace warder::backup
