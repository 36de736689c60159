#pragma once

#include "monitor/outcome.h"
#include "util/bytes.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// What is to be read of one database, and by which limits it is judged.
struct DatabaseRequest {
  std::string monitor;  // its name, for the commands that are proposed
  std::filesystem::path database;
  // Where the snapshot lies while it is checked; must exist. Left-over snapshots in it are removed.
  std::filesystem::path folder;
  std::vector<Check> checks;  // of those for which reads_database() holds
  std::uint32_t cache_pages = 2500;
  std::uint32_t min_cache_hit_ratio = 90;
  std::chrono::milliseconds max_query_time{1000};
  std::vector<std::string> queries;
  std::uint32_t max_free_pages = 25;
  std::string schema_baseline;  // empty: none yet
};

std::string to_json(const DatabaseRequest& request);
util::Result<DatabaseRequest> parse_request(std::string_view text);

// Makes the checks, one outcome each, in the order of the request. The live database is only read:
//   - the content is copied by SQLite's backup interface into a private file, and the copy is
//     checked. In WAL mode that holds up nobody. In the other modes the copy is made in slices
//     during which writers wait some milliseconds; a database that is written faster than it can be
//     copied is copied in one go, for which writers wait at most kLongestLock, else the check is
//     not made and says so;
//   - schema, free pages and queries are read from the live database with a limit of time.
// The file may hold anything: it is read with trusted_schema off, and SQLite may use at most
// kMostMemory. Any thread, but with a process of its own: SQLite maps DATABASE-shm, and a file that
// is cut while it is mapped ends the process (SIGBUS).
std::vector<Outcome> check_database(const DatabaseRequest& request);

inline constexpr std::chrono::seconds kLongestLock{5};
inline constexpr util::ByteCount kMostMemory = util::mebibytes(48);

// The answers when no child could be asked.
std::vector<Outcome> unknown_outcomes(const DatabaseRequest& request, const std::string& why,
                                      const std::string& cause, const std::string& next);

}  // namespace warder::monitor
