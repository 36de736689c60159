#include "store/sql_guard.h"

#include <sqlite3.h>

namespace warder::store {
namespace {

// Virtual machine steps between two looks at the time.
constexpr int kStepsBetweenLooks = 10000;

int allow_reading(void* /*user*/, int action, const char* /*a*/, const char* /*b*/,
                  const char* /*database*/, const char* /*trigger*/) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

}  // namespace

SqlGuard::SqlGuard(Connection& connection, std::chrono::milliseconds limit)
    : connection_(connection), end_(std::chrono::steady_clock::now() + limit) {
  sqlite3_set_authorizer(connection_.handle(), allow_reading, nullptr);
  sqlite3_progress_handler(connection_.handle(), kStepsBetweenLooks, is_over, this);
}

SqlGuard::~SqlGuard() {
  sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr);
  sqlite3_set_authorizer(connection_.handle(), nullptr, nullptr);
}

// SQLite calls this within a statement; no clock of ours reaches here.
int SqlGuard::is_over(void* self) {
  return std::chrono::steady_clock::now() >= static_cast<SqlGuard*>(self)->end_ ? 1 : 0;
}

}  // namespace warder::store
