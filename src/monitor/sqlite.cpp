#include "monitor/sqlite.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <thread>

namespace warder::monitor {
namespace {

using Steady = std::chrono::steady_clock;

// A writer that takes the lock again and again leaves gaps of microseconds: SQLite's own waiting,
// which sleeps longer and longer, would hardly ever meet one.
constexpr int kMostWaits = 10'000;
constexpr std::chrono::milliseconds kWait{1};
constexpr int kLookEvery = 10'000;  // virtual machine instructions between two looks at the time
constexpr std::chrono::seconds kUsualLimit{60};

int is_late(void* until) {
  return Steady::now() > *static_cast<Steady::time_point*>(until) ? 1 : 0;
}

int wait_for_lock(void* /*context*/, int waits) {
  std::this_thread::sleep_for(kWait);
  return waits < kMostWaits ? 1 : 0;
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

util::Result<Database> Database::open(const std::string& uri, int cache_pages) {
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(
      uri.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (opened != SQLITE_OK) {
    return database.failure("opening the database");
  }
  sqlite3_busy_handler(handle, wait_for_lock, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_exec(handle, "PRAGMA query_only=1;PRAGMA temp_store=MEMORY;PRAGMA cell_size_check=1",
               nullptr, nullptr, nullptr);
  // This one reads the file. That it is damaged or locked is told by what reads it next.
  sqlite3_exec(handle, fmt::format("PRAGMA cache_size={}", cache_pages).c_str(), nullptr, nullptr,
               nullptr);
  return database;
}

util::Status Database::rows(const std::string& sql, std::chrono::milliseconds limit,
                            const std::function<bool(sqlite3_stmt*)>& row, Origin origin) {
  Steady::time_point until = Steady::now() + limit;
  sqlite3_progress_handler(handle(), kLookEvery, is_late, &until);
  const auto without_handler = [this] { sqlite3_progress_handler(handle(), 0, nullptr, nullptr); };
  sqlite3_stmt* prepared = nullptr;
  const char* rest = nullptr;
  const int ready =
      sqlite3_prepare_v2(handle(), sql.c_str(), static_cast<int>(sql.size()) + 1, &prepared, &rest);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(prepared);
  if (ready != SQLITE_OK) {
    without_handler();
    return failure("reading the database");
  }
  const bool good =
      prepared != nullptr &&
      (origin == Origin::kOurs || (sqlite3_stmt_readonly(prepared) != 0 &&
                                   sqlite3_column_count(prepared) > 0 && util::trim(rest).empty()));
  if (!good) {
    without_handler();
    return util::Error(util::ErrorCode::kInvalid, "is not one statement that only reads");
  }
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(prepared)) == SQLITE_ROW && row(prepared)) {
  }
  without_handler();
  if (step == SQLITE_ROW || step == SQLITE_DONE) {
    return {};
  }
  if (step == SQLITE_INTERRUPT) {
    return util::Error(util::ErrorCode::kTimeout,
                       fmt::format("took longer than {} ms", limit.count()));
  }
  return failure("reading the database");
}

util::Result<std::int64_t> Database::integer(const std::string& sql) {
  std::int64_t value = 0;
  WARDER_RETURN_IF_ERROR(rows(sql, kUsualLimit, [&](sqlite3_stmt* row) {
    value = sqlite3_column_int64(row, 0);
    return false;
  }));
  return value;
}

util::Result<std::string> Database::text(const std::string& sql) {
  std::string value;
  WARDER_RETURN_IF_ERROR(rows(sql, kUsualLimit, [&](sqlite3_stmt* row) {
    value = column_text(row, 0, 512);
    return false;
  }));
  return value;
}

util::Error Database::failure(const std::string& what) const {
  return util::Error(util::ErrorCode::kIo,
                     fmt::format("{}: {}", what, util::printable(sqlite3_errmsg(handle()), 300)));
}

bool Database::damaged() const {
  const int code = sqlite3_errcode(handle());
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

std::string file_uri(const std::string& path, const std::string& parameters) {
  std::string uri = "file:";
  for (const char byte : path) {
    const auto value = static_cast<unsigned char>(byte);
    const bool plain = (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') ||
                       (value >= '0' && value <= '9') || byte == '/' || byte == '.' ||
                       byte == '-' || byte == '_';
    uri += plain ? std::string(1, byte) : fmt::format("%{:02X}", value);
  }
  return parameters.empty() ? uri : uri + '?' + parameters;
}

std::string column_text(sqlite3_stmt* row, int column, std::size_t limit) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  if (text == nullptr) {
    return {};
  }
  return util::printable({text, static_cast<std::size_t>(sqlite3_column_bytes(row, column))},
                         limit);
}

}  // namespace warder::monitor
