#pragma once

#include "backup/manifest.h"
#include "store/database.h"
#include "util/bytes.h"
#include "util/result.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace warder::backup {

// A copied or restored database, looked at by nobody else, so that nothing of it can change. Of its
// pages up to `cache` are held in memory. kInvalid when the file is no database.
util::Result<std::unique_ptr<store::Connection>> open_copy(
    const std::filesystem::path& path, util::ByteCount cache = util::mebibytes(4));

// Schema, versions, the rows of each table and those that break a foreign key, counted. `path` is
// what the facts shall say.
util::Result<DatabaseFacts> read_facts(store::Connection& copy, const std::filesystem::path& file,
                                       const std::string& path);

// PRAGMA integrity_check. kInvalid names the first faults found.
util::Status check_integrity(store::Connection& copy);

// That it can be worked with: every table and view gives its first rows in full, and each of the
// operator's queries gives at least one row.
util::Status run_queries(store::Connection& copy, const std::vector<std::string>& queries);

// kInvalid lists what differs between what was copied and what is there now. The schema version of
// a database made from SQL is its own.
util::Status compare_facts(const DatabaseFacts& expected, const DatabaseFacts& found,
                           Format made_from);

// Takes away what a reader of a WAL database leaves beside the file.
void remove_side_files(const std::filesystem::path& database);

// A name in double quotes, for SQL.
std::string quoted_name(std::string_view name);

}  // namespace warder::backup
