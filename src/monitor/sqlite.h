#pragma once

#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

// The little that the checks need of SQLite, for reading a database of another program.
namespace warder::monitor {

class Database {
 public:
  // Read-only. `uri`: a file URI. `cache_pages` of SQLite's page cache.
  static util::Result<Database> open(const std::string& uri, int cache_pages);

  // Whose words a statement is: those of the configuration are run only when they are one statement
  // that reads and gives rows.
  enum class Origin : std::uint8_t { kOurs, kConfiguration };
  // Calls back with each row until it answers false; kTimeout when `limit` is over.
  util::Status rows(const std::string& sql, std::chrono::milliseconds limit,
                    const std::function<bool(sqlite3_stmt*)>& row, Origin origin = Origin::kOurs);
  util::Result<std::int64_t> integer(const std::string& sql);
  util::Result<std::string> text(const std::string& sql);
  // SQLite's own words for the last failure.
  util::Error failure(const std::string& what) const;
  // The last failure says that the file is damaged or no database.
  bool damaged() const;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

// "file:/path?..." with every byte that means something in a URI escaped.
std::string file_uri(const std::string& path, const std::string& parameters);

std::string column_text(sqlite3_stmt* row, int column, std::size_t limit);

}  // namespace warder::monitor
