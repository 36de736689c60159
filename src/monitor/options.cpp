#include "monitor/options.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

namespace warder::monitor {
namespace {

using config::Change;
using config::Key;
using config::Type;
using std::chrono::seconds;

// In the order of Check.
constexpr std::string_view kNames[] = {"integrity",  "quick",           "foreign-keys", "schema",
                                       "wal-size",   "database-size",   "lock",         "cache",
                                       "queries",    "free-pages",      "disk",         "memory",
                                       "backup-age", "backup-failures", "access",       "history"};
static_assert(std::size(kNames) == kChecks);
constexpr std::span kConfigurable(kNames, kChecks - 1);

// In the order of model::Severity.

constexpr Key kKeys[] = {
    {.name = "enabled",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kLive,
     .text = "Whether these checks are made.",
     .example = "yes"},
    {.name = "database",
     .type = Type::kPath,
     .change = Change::kLive,
     .text = "The SQLite database of the service that is watched. The agent's user must be able to "
             "read it and its -wal and -shm. Without it only the host is looked at: disk, memory, "
             "backups.",
     .example = "/srv/vaultwarden/data/db.sqlite3"},
    {.name = "checks",
     .type = Type::kWords,
     .fallback = "integrity quick foreign-keys schema wal-size database-size lock cache queries "
                 "free-pages disk memory backup-age backup-failures access",
     .least = "1",
     .choices = kConfigurable,
     .change = Change::kLive,
     .text = "Which checks are made. cache and queries need `queries`; what needs a database is "
             "left out without one. Another section with other checks on the same database gives "
             "each its own schedule, severity and destinations.",
     .example = "integrity schema wal-size"},
    {.name = "destinations",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text = "Where these alerts go, by the names of destinations. Empty: to each destination that "
             "wants such events.",
     .example = "ops"},
    {.name = "severity",
     .type = Type::kEnum,
     .choices = model::kSeverityNames,
     .change = Change::kLive,
     .text =
         "How severe an alert of these checks is. Unless set: critical for integrity and quick, "
         "high for foreign-keys, schema, access, backup-age, backup-failures and disk, warning "
         "for the rest.",
     .example = "high"},
    {.name = "every",
     .type = Type::kDuration,
     .fallback = "1m",
     .least = "1s",
     .most = "1d",
     .change = Change::kLive,
     .text = "How often the measures that cost nothing are taken: wal-size, database-size, lock, "
             "disk, memory, backup-age, backup-failures, access.",
     .example = "5m"},
    {.name = "schema_every",
     .type = Type::kDuration,
     .fallback = "5m",
     .least = "1s",
     .most = "30d",
     .change = Change::kLive,
     .text = "How often the schema is compared with its baseline.",
     .example = "1h"},
    {.name = "queries_every",
     .type = Type::kDuration,
     .fallback = "15m",
     .least = "1s",
     .most = "30d",
     .change = Change::kLive,
     .text = "How often the queries are timed (queries, cache).",
     .example = "1h"},
    {.name = "quick_every",
     .type = Type::kDuration,
     .fallback = "6h",
     .least = "1s",
     .most = "30d",
     .change = Change::kLive,
     .text = "How often quick and free-pages are checked.",
     .example = "1d"},
    {.name = "integrity_every",
     .type = Type::kDuration,
     .fallback = "1d",
     .least = "1s",
     .most = "90d",
     .change = Change::kLive,
     .text = "How often integrity and foreign-keys are checked.",
     .example = "7d"},
    {.name = "timeout",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "1s",
     .most = "1d",
     .change = Change::kLive,
     .text = "How long one reading of the database may take before it is ended and counts as not "
             "made.",
     .example = "2h"},
    {.name = "integrity_check_failures",
     .type = Type::kInteger,
     .fallback = "1",
     .least = "1",
     .most = "100",
     .change = Change::kLive,
     .text = "How many failed integrity, quick or foreign-keys checks in a row are an alert.",
     .example = "2"},
    {.name = "max_wal_size",
     .type = Type::kBytes,
     .fallback = "10240K",
     .least = "4K",
     .change = Change::kLive,
     .text = "A longer write-ahead log means that it cannot be moved into the database: a reader "
             "holds it, or the service's checkpoints fail.",
     .example = "64M"},
    {.name = "max_database_size",
     .type = Type::kBytes,
     .fallback = "500M",
     .least = "4K",
     .change = Change::kLive,
     .text = "Size of the database above which an alert is given.",
     .example = "2G"},
    {.name = "database_lock_duration",
     .type = Type::kDuration,
     .fallback = "300s",
     .least = "1s",
     .most = "7d",
     .change = Change::kLive,
     .text = "How long one process may hold a lock that keeps others from writing (or, outside of "
             "WAL mode, from reading). Told with the process that holds it.",
     .example = "60s"},
    {.name = "min_cache_hit_ratio",
     .type = Type::kInteger,
     .fallback = "90",
     .least = "0",
     .most = "100",
     .change = Change::kLive,
     .text =
         "Percent of page reads of the queries that a cache of `cache_pages` pages answers when "
         "they are run for the second time; below it the cache is too small for them.",
     .example = "80"},
    {.name = "cache_pages",
     .type = Type::kInteger,
     .fallback = "2500",
     .least = "10",
     .most = "1000000",
     .change = Change::kLive,
     .text = "Pages of the cache that is measured: what the service's PRAGMA cache_size says.",
     .example = "10000"},
    {.name = "max_query_time",
     .type = Type::kDuration,
     .fallback = "1s",
     .least = "0.001s",
     .most = "10m",
     .change = Change::kLive,
     .text = "How long each of the queries may take.",
     .example = "0.5s"},
    {.name = "queries",
     .type = Type::kLines,
     .fallback = "",
     .most = "50",
     .change = Change::kLive,
     .text =
         "SELECT statements that stand for what the service asks most, one a line. They are run "
         "read-only.",
     .example = "SELECT count(*) FROM users"},
    {.name = "max_free_pages",
     .type = Type::kInteger,
     .fallback = "25",
     .least = "1",
     .most = "100",
     .change = Change::kLive,
     .text = "Percent of the database that may be free pages before a vacuum is proposed.",
     .example = "50"},
    {.name = "min_free_disk",
     .type = Type::kBytes,
     .fallback = "512M",
     .change = Change::kLive,
     .text = "Space that must be free where the database lies (without one: in the agent's state "
             "folder).",
     .example = "2G"},
    {.name = "max_memory",
     .type = Type::kInteger,
     .fallback = "80",
     .least = "1",
     .most = "100",
     .change = Change::kLive,
     .text = "Percent of the host's memory that may be in use; caches of the kernel do not count.",
     .example = "90"},
    {.name = "backups",
     .type = Type::kPath,
     .change = Change::kLive,
     .text = "A folder whose newest file is the newest backup, for backups that another program "
             "makes, unless it is too small. Unless set, events of kind backup in the agent's own "
             "history are looked at.",
     .example = "/srv/backups/vaultwarden"},
    {.name = "max_backup_age",
     .type = Type::kDuration,
     .fallback = "26h",
     .least = "1m",
     .most = "365d",
     .change = Change::kLive,
     .text = "Age of the newest good backup above which an alert is given.",
     .example = "2d"},
    {.name = "min_backup_size",
     .type = Type::kBytes,
     .fallback = "512",
     .change = Change::kLive,
     .text = "A smaller file in `backups` is no backup. What a compressed and encrypted nothing "
             "has is less than the default.",
     .example = "100K"},
    {.name = "min_backup_share",
     .type = Type::kInteger,
     .fallback = "50",
     .least = "0",
     .most = "100",
     .change = Change::kLive,
     .text = "Percent of the size of the file before that a file in `backups` must have to be a "
             "backup; compared are files whose names differ in digits only. One that has less "
             "and was not written for 15 minutes is an alert.",
     .example = "90"},
    {.name = "failed_backup_attempts",
     .type = Type::kInteger,
     .fallback = "3",
     .least = "1",
     .most = "100",
     .change = Change::kLive,
     .text = "How many failed backups in a row are an alert. An event of kind backup and of "
             "severity warning or above is a failed one.",
     .example = "1"},
    {.name = "access_users",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text =
         "Users, by name or number, whose programs may have the database open. The file's owner, "
         "root and the agent may in any case.",
     .example = "backup"},
    {.name = "access_programs",
     .type = Type::kLines,
     .fallback = "",
     .change = Change::kLive,
     .text = "Programs, by whole path, that may have the database open. When set, every other "
             "program is told, whoever runs it. Programs of other users are seen only by an agent "
             "with CAP_SYS_PTRACE (or root).",
     .example = "/usr/bin/vaultwarden"},
    {.name = "access_watch",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kLive,
     .text =
         "Have the kernel tell each opening of the database (fanotify), so that access tells at "
         "once who opened it, also for an instant. Needs CAP_SYS_ADMIN, and CAP_SYS_PTRACE to "
         "see which program it was; see systemd/README.md before.",
     .example = "yes"},
};

// The names of SQLITE_SECURITY_CONFIG and SQLITE_PERFORMANCE_CONFIG that carry their unit.
constexpr config::Renamed kRenamed[] = {
    {"max_wal_size_kb", "max_wal_size"},
    {"max_database_size_mb", "max_database_size"},
    {"max_query_time_ms", "max_query_time"},
    {"database_lock_duration_seconds", "database_lock_duration"},
};

constexpr config::Table kTable{
    .section = "monitor *",
    .text =
        "Checks of a service's SQLite database and of the host it runs on, under a name of "
        "their own. They stand among the jails, in files and in the vault's document `jails`.",
    .keys = kKeys,
    .renamed = kRenamed};

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool needs_database(Check check) {
  return check != Check::kDisk && check != Check::kMemory && check != Check::kBackupAge &&
         check != Check::kBackupFailures;
}

seconds in_seconds(const config::Values& values, std::string_view key) {
  return std::chrono::ceil<seconds>(values.duration(key));
}

std::uint32_t number(const config::Values& values, std::string_view key) {
  return static_cast<std::uint32_t>(values.integer(key));
}

}  // namespace

std::string_view to_string(Check check) { return kNames[static_cast<std::size_t>(check)]; }

std::optional<Check> parse_check(std::string_view name) {
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (kNames[i] == name) {
      return static_cast<Check>(i);
    }
  }
  return std::nullopt;
}

bool reads_database(Check check) {
  switch (check) {
    case Check::kIntegrity:
    case Check::kQuick:
    case Check::kForeignKeys:
    case Check::kSchema:
    case Check::kCache:
    case Check::kQueries:
    case Check::kFreePages:
    case Check::kHistory:
      return true;
    default:
      return false;
  }
}

model::EventKind event_kind(Check check) {
  switch (check) {
    case Check::kIntegrity:
    case Check::kQuick:
    case Check::kForeignKeys:
    case Check::kSchema:
    case Check::kAccess:
    case Check::kHistory:
      return model::EventKind::kIntegrity;
    default:
      return model::EventKind::kMonitor;
  }
}

model::Severity default_severity(Check check) {
  switch (check) {
    case Check::kIntegrity:
    case Check::kQuick:
    case Check::kHistory:
    case Check::kBackupFailures:  // as the last of these failures is told
      return model::Severity::kCritical;
    case Check::kForeignKeys:
    case Check::kSchema:
    case Check::kAccess:
    case Check::kBackupAge:
    case Check::kDisk:
      return model::Severity::kHigh;
    default:
      return model::Severity::kWarning;
  }
}

seconds MonitorOptions::interval(Check check) const {
  switch (check) {
    case Check::kIntegrity:
    case Check::kForeignKeys:
    case Check::kHistory:
      return integrity_every;
    case Check::kQuick:
    case Check::kFreePages:
      return quick_every;
    case Check::kSchema:
      return schema_every;
    case Check::kCache:
    case Check::kQueries:
      return queries_every;
    default:
      return every;
  }
}

model::Severity MonitorOptions::severity_of(Check check) const {
  return severity.value_or(default_severity(check));
}

const config::Table& monitor_table() { return kTable; }

MonitorOptions monitor_options(const config::Values& values, config::Diagnostics& diagnostics) {
  MonitorOptions options;
  options.name = values.name();
  options.enabled = values.boolean("enabled");
  if (values.has("database")) {
    options.database = values.path("database");
  }
  options.queries = values.list("queries");
  for (std::size_t i = 0; i < kConfigurable.size(); ++i) {
    const auto check = static_cast<Check>(i);
    const bool asked = has(values.list("checks"), kNames[i]);
    const bool about_queries = check == Check::kCache || check == Check::kQueries;
    const bool possible = !(needs_database(check) && options.database.empty()) &&
                          !(about_queries && options.queries.empty());
    if (asked && possible) {
      options.checks.push_back(check);
    } else if (asked && options.enabled && !values.is_default("checks")) {
      diagnostics.add(values.about(
          "checks", fmt::format("{} needs {}", kNames[i],
                                options.database.empty() ? "`database`" : "`queries`")));
    }
  }
  options.destinations = values.list("destinations");
  if (values.has("severity")) {
    options.severity = values.choice<model::Severity>("severity");
  }
  options.every = in_seconds(values, "every");
  options.schema_every = in_seconds(values, "schema_every");
  options.queries_every = in_seconds(values, "queries_every");
  options.quick_every = in_seconds(values, "quick_every");
  options.integrity_every = in_seconds(values, "integrity_every");
  options.timeout = in_seconds(values, "timeout");
  options.integrity_check_failures = number(values, "integrity_check_failures");
  options.max_wal_size = values.bytes("max_wal_size");
  options.max_database_size = values.bytes("max_database_size");
  options.database_lock_duration = in_seconds(values, "database_lock_duration");
  options.min_cache_hit_ratio = number(values, "min_cache_hit_ratio");
  options.cache_pages = number(values, "cache_pages");
  options.max_query_time =
      std::chrono::ceil<std::chrono::milliseconds>(values.duration("max_query_time"));
  options.max_free_pages = number(values, "max_free_pages");
  options.min_free_disk = values.bytes("min_free_disk");
  options.max_memory = number(values, "max_memory");
  if (values.has("backups")) {
    options.backups = values.path("backups");
  }
  options.max_backup_age = in_seconds(values, "max_backup_age");
  options.min_backup_size = values.bytes("min_backup_size");
  options.min_backup_share = number(values, "min_backup_share");
  options.failed_backup_attempts = number(values, "failed_backup_attempts");
  options.access_users = values.list("access_users");
  options.access_programs = values.list("access_programs");
  options.access_watch = values.boolean("access_watch");
  return options;
}

}  // namespace warder::monitor
