#include "backup/database_check.h"

#include "crypto/sha256.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <system_error>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kFaultsTold = 5;
constexpr std::size_t kDifferencesTold = 10;

// Virtual tables belong to modules that this program does not have; their shadow tables are counted
// as what they are.
constexpr std::string_view kTables =
    "SELECT name FROM sqlite_schema WHERE type='table' AND rootpage>0 ORDER BY name";
constexpr std::string_view kReadable =
    "SELECT name FROM sqlite_schema WHERE (type='table' AND rootpage>0) OR type='view' "
    "ORDER BY name";

util::Result<std::vector<std::string>> names(store::Connection& copy, std::string_view sql) {
  WARDER_ASSIGN_OR_RETURN(store::Statement statement, copy.prepare(sql));
  store::Rows rows = statement.run();
  std::vector<std::string> found;
  while (rows.next()) {
    found.emplace_back(rows.text(0));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return found;
}

// The first rows of a statement, each column read. False when there is none.
util::Result<bool> read_rows(store::Connection& copy, const std::string& sql) {
  WARDER_ASSIGN_OR_RETURN(store::Statement statement, copy.prepare(sql));
  store::Rows rows = statement.run();
  bool any = false;
  while (rows.next()) {
    any = true;
    for (int column = 0; column < rows.columns(); ++column) {
      rows.blob(column);
    }
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return any;
}

void difference(std::vector<std::string>& all, std::string text) {
  if (all.size() < kDifferencesTold) {
    all.push_back(std::move(text));
  }
}

}  // namespace

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + '"';
}

util::Result<std::unique_ptr<store::Connection>> open_copy(const std::filesystem::path& path,
                                                           util::ByteCount cache) {
  WARDER_ASSIGN_OR_RETURN(auto copy,
                          store::Connection::open(path, store::Connection::Mode::kReadOnly, {}));
  WARDER_RETURN_IF_ERROR(
      copy->execute(fmt::format("PRAGMA cache_size=-{}; PRAGMA mmap_size=0", cache.value / 1024)));
  return copy;
}

util::Result<DatabaseFacts> read_facts(store::Connection& copy, const std::filesystem::path& file,
                                       const std::string& path) {
  DatabaseFacts facts;
  facts.path = path;
  std::error_code error;
  facts.bytes = std::filesystem::file_size(file, error);
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("{}: {}", file.string(), error.message()));
  }
  WARDER_ASSIGN_OR_RETURN(facts.schema_version, copy.integer("PRAGMA schema_version"));
  WARDER_ASSIGN_OR_RETURN(facts.user_version, copy.integer("PRAGMA user_version"));
  crypto::Sha256 hash;
  {
    WARDER_ASSIGN_OR_RETURN(store::Statement schema,
                            copy.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema "
                                         "WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"));
    store::Rows rows = schema.run();
    while (rows.next()) {
      for (int column = 0; column < 3; ++column) {
        hash.update(util::as_bytes(rows.text(column)));
        hash.update(util::as_bytes(std::string_view("\0", 1)));
      }
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  facts.schema_sha256 = util::to_hex(hash.finish());
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> tables, names(copy, kTables));
  for (const std::string& table : tables) {
    auto rows = copy.integer(fmt::format("SELECT count(*) FROM {}", quoted_name(table)));
    if (!rows) {
      return rows.error().with_context(fmt::format("table {}", util::printable(table)));
    }
    facts.rows.emplace(util::to_valid_utf8(table), static_cast<std::uint64_t>(*rows));
  }
  WARDER_ASSIGN_OR_RETURN(const std::int64_t broken,
                          copy.integer("SELECT count(*) FROM pragma_foreign_key_check"));
  facts.broken_references = static_cast<std::uint64_t>(broken);
  return facts;
}

util::Status check_integrity(store::Connection& copy) {
  WARDER_ASSIGN_OR_RETURN(store::Statement check,
                          copy.prepare(fmt::format("PRAGMA integrity_check({})", kFaultsTold)));
  store::Rows rows = check.run();
  std::string faults;
  while (rows.next()) {
    if (rows.text(0) != "ok") {
      faults += fmt::format("{}{}", faults.empty() ? "" : "; ", util::printable(rows.text(0)));
    }
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  if (!faults.empty()) {
    return Error(ErrorCode::kInvalid, fmt::format("the database is damaged: {}", faults));
  }
  return {};
}

util::Status run_queries(store::Connection& copy, const std::vector<std::string>& queries) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> readable, names(copy, kReadable));
  for (const std::string& name : readable) {
    const auto read = read_rows(copy, fmt::format("SELECT * FROM {} LIMIT 3", quoted_name(name)));
    if (!read) {
      return read.error().with_context(fmt::format("reading {}", util::printable(name)));
    }
  }
  for (const std::string& query : queries) {
    const auto read = read_rows(copy, query);
    if (!read) {
      return read.error().with_context(fmt::format("query \"{}\"", util::printable(query)));
    }
    if (!*read) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("query \"{}\" gives no row", util::printable(query)));
    }
  }
  return {};
}

util::Status compare_facts(const DatabaseFacts& expected, const DatabaseFacts& found,
                           Format made_from) {
  std::vector<std::string> all;
  if (expected.user_version != found.user_version) {
    difference(all, fmt::format("user_version {} instead of {}", found.user_version,
                                expected.user_version));
  }
  if (made_from != Format::kSqlDump) {
    if (expected.schema_version != found.schema_version) {
      difference(all, fmt::format("schema_version {} instead of {}", found.schema_version,
                                  expected.schema_version));
    }
    if (expected.bytes != found.bytes) {
      difference(all, fmt::format("{} bytes instead of {}", found.bytes, expected.bytes));
    }
  }
  if (expected.broken_references != found.broken_references) {
    difference(all, fmt::format("{} rows that break foreign keys instead of {}",
                                found.broken_references, expected.broken_references));
  }
  if (expected.schema_sha256 != found.schema_sha256) {
    difference(all, "another schema");
  }
  for (const auto& [table, count] : expected.rows) {
    const auto there = found.rows.find(table);
    if (there == found.rows.end()) {
      difference(all, fmt::format("table {} is missing", util::printable(table)));
    } else if (there->second != count) {
      difference(all, fmt::format("table {} has {} rows instead of {}", util::printable(table),
                                  there->second, count));
    }
  }
  for (const auto& [table, count] : found.rows) {
    if (!expected.rows.contains(table)) {
      difference(all, fmt::format("table {} is new", util::printable(table)));
    }
  }
  if (all.empty()) {
    return {};
  }
  std::string text;
  for (const std::string& one : all) {
    text += (text.empty() ? "" : "; ") + one;
  }
  return Error(ErrorCode::kInvalid,
               fmt::format("what was restored is not what was backed up: {}", text));
}

void remove_side_files(const std::filesystem::path& database) {
  std::error_code ignored;
  std::filesystem::remove(database.string() + "-wal", ignored);
  std::filesystem::remove(database.string() + "-shm", ignored);
}

}  // namespace warder::backup
