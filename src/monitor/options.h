#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "model/event.h"
#include "util/bytes.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// What is looked at. The names of to_string() are those of the key `checks`.
enum class Check : std::uint8_t {
  kIntegrity,       // PRAGMA integrity_check of a snapshot
  kQuick,           // PRAGMA quick_check of a snapshot
  kForeignKeys,     // PRAGMA foreign_key_check of a snapshot
  kSchema,          // tables, views, triggers, indexes against the baseline
  kWalSize,         // size of DATABASE-wal
  kDatabaseSize,    // size of the database
  kLock,            // how long another process has held a write lock
  kCache,           // hit rate of a page cache of the configured size on the configured queries
  kQueries,         // time of the configured queries
  kFreePages,       // share of free pages: what a vacuum would give back
  kDisk,            // free space where the database lies
  kMemory,          // memory of the host in use
  kBackupAge,       // age of the newest good backup
  kBackupFailures,  // failed backups in a row
  kAccess,          // rights of the file, and who has it open
  kHistory,         // the hashes of the agent's own history; not to be configured
};
inline constexpr std::size_t kChecks = 16;

std::string_view to_string(Check check);
std::optional<Check> parse_check(std::string_view name);
// Does it read the database's content (in a child process), not only the host around it?
bool reads_database(Check check);
// The kind of the events it leaves: kIntegrity for what asks whether something was changed or
// damaged, kMonitor for measures.
model::EventKind event_kind(Check check);
model::Severity default_severity(Check check);

// [monitor NAME], as configured.
struct MonitorOptions {
  std::string name;
  bool enabled = false;
  std::filesystem::path database;  // empty: the host alone
  std::vector<Check> checks;       // in the order of Check, those that can be made
  std::vector<std::string> destinations;
  std::optional<model::Severity> severity;  // instead of each check's own

  std::chrono::seconds every{60};
  std::chrono::seconds schema_every{300};
  std::chrono::seconds queries_every{900};
  std::chrono::seconds quick_every{std::chrono::hours(6)};
  std::chrono::seconds integrity_every{std::chrono::hours(24)};
  std::chrono::seconds timeout{std::chrono::hours(1)};

  std::uint32_t integrity_check_failures = 1;
  util::ByteCount max_wal_size = util::kibibytes(10240);
  util::ByteCount max_database_size = util::mebibytes(500);
  std::chrono::seconds database_lock_duration{300};
  std::uint32_t min_cache_hit_ratio = 90;  // percent
  std::uint32_t cache_pages = 2500;
  std::chrono::milliseconds max_query_time{1000};
  std::vector<std::string> queries;
  std::uint32_t max_free_pages = 25;  // percent
  util::ByteCount min_free_disk = util::mebibytes(512);
  std::uint32_t max_memory = 80;  // percent
  std::filesystem::path backups;  // folder; empty: the history's events of kind backup
  std::chrono::seconds max_backup_age{std::chrono::hours(26)};
  util::ByteCount min_backup_size{512};  // of files in that folder
  std::uint32_t min_backup_share = 50;   // percent of the file before
  std::uint32_t failed_backup_attempts = 3;
  std::vector<std::string> access_users;
  std::vector<std::string> access_programs;
  bool access_watch = false;

  // How often that check is made.
  std::chrono::seconds interval(Check check) const;
  model::Severity severity_of(Check check) const;

  friend bool operator==(const MonitorOptions&, const MonitorOptions&) = default;
};

const config::Table& monitor_table();

// For values that were checked without an error; what only several keys together can tell goes to
// the diagnostics.
MonitorOptions monitor_options(const config::Values& values, config::Diagnostics& diagnostics);

}  // namespace warder::monitor
