#include "store/database.h"

#include "store/mapped_index.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <cerrno>
#include <chrono>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

// How long a statement waits for the lock of another process.
constexpr std::chrono::milliseconds kBusyLimit{2000};

// What failed last on the database (SQLITE_FCNTL_FILE_POINTER) or its journal; 0 for nothing.
int last_errno(sqlite3* handle, int which) {
  sqlite3_file* file = nullptr;
  int error = 0;
  if (sqlite3_file_control(handle, "main", which, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr ||
      file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK) {
    return 0;
  }
  return error;
}

// A quota that is exceeded, which SQLite calls an input/output error.
bool is_quota(sqlite3* handle, int result) {
  return (result & 0xff) == SQLITE_IOERR && handle != nullptr &&
         (last_errno(handle, SQLITE_FCNTL_JOURNAL_POINTER) == EDQUOT ||
          last_errno(handle, SQLITE_FCNTL_FILE_POINTER) == EDQUOT);
}

Trouble trouble_of(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Trouble::kFull;
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:  // passes, too
      return Trouble::kIo;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Trouble::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Trouble::kDamaged;
    default:
      return Trouble::kOther;
  }
}

// Whether anything but blanks, semicolons and comments stands there.
bool holds_statement(sqlite3* handle, std::string_view sql) {
  while (!sql.empty()) {
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    const int result =
        sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &statement, &rest);
    sqlite3_finalize(statement);
    if (result != SQLITE_OK || statement != nullptr) {
      return true;
    }
    if (rest == sql.data()) {
      return false;
    }
    sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
  }
  return false;
}

ErrorCode code_of(Trouble trouble, int result) {
  switch (trouble) {
    case Trouble::kFull:
    case Trouble::kIo:
      return (result & 0xff) == SQLITE_PERM ? ErrorCode::kDenied : ErrorCode::kIo;
    case Trouble::kBusy:
      return ErrorCode::kUnavailable;
    case Trouble::kDamaged:
      return ErrorCode::kInvalid;
    default:
      return (result & 0xff) == SQLITE_INTERRUPT ? ErrorCode::kTimeout : ErrorCode::kInternal;
  }
}

}  // namespace

Rows::~Rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) {
    return true;
  }
  if (result != SQLITE_DONE) {
    status_ = connection_->failure(result);
  }
  return false;
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Rows::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? std::string_view()
                         : std::string_view(reinterpret_cast<const char*>(text),
                                            static_cast<std::size_t>(size));
}

std::string_view Rows::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::optional<std::int64_t> Rows::optional_integer(int column) const {
  if (is_null(column)) {
    return std::nullopt;
  }
  return integer(column);
}

int Rows::columns() const { return sqlite3_column_count(statement_); }

std::string_view Rows::name(int column) const { return sqlite3_column_name(statement_, column); }

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

// The values outlive the Rows in every caller, so SQLite need not copy them. A view without data
// would be bound as NULL.
void Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data() == nullptr ? "" : text.data(),
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int index, const Blob& blob) {
  sqlite3_bind_blob64(statement_.get(), index,
                      blob.bytes.data() == nullptr ? "" : blob.bytes.data(), blob.bytes.size(),
                      SQLITE_STATIC);
}

void Statement::bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_.get(), index); }

util::Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path,
                                                           Mode mode, std::string_view vfs) {
  std::unique_ptr<Connection> connection(new Connection());
  const int access =
      mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const std::string vfs_name(vfs);
  const int result = sqlite3_open_v2(path.c_str(), &connection->handle_,
                                     access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                     vfs_name.empty() ? nullptr : vfs_name.c_str());
  if (result != SQLITE_OK) {
    return connection->failure(result).with_context(path.string());
  }
  if (vfs_name.empty()) {
    guard_mapped_index(connection->handle_);
  }
  sqlite3_busy_timeout(connection->handle_, static_cast<int>(kBusyLimit.count()));
  // A file from outside must not run code: no functions from its schema, no writable schema.
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

util::Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int result = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (result != SQLITE_OK) {
    return failure(result);
  }
  if (statement == nullptr) {
    return Error(ErrorCode::kInvalid, "there is no SQL statement");
  }
  Statement first(this, statement);
  sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
  if (holds_statement(handle_, sql)) {
    return Error(ErrorCode::kInvalid, "there is more than one SQL statement; give each by itself");
  }
  return first;
}

util::Status Connection::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) {
    return failure(result);
  }
  return {};
}

util::Result<std::int64_t> Connection::integer(std::string_view sql) {
  WARDER_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
  Rows rows = statement.run();
  const std::int64_t value = rows.next() ? rows.integer(0) : 0;
  WARDER_RETURN_IF_ERROR(rows.status());
  return value;
}

std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Connection::roll_back() {
  if (in_transaction()) {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Error Connection::failure(int result) {
  const bool quota = is_quota(handle_, result);
  const Trouble trouble = quota ? Trouble::kFull : trouble_of(result);
  if (trouble_ == Trouble::kNone) {
    trouble_ = trouble;
  }
  // The code's own words name the kind ("disk I/O error"), the handle's may add the table.
  const char* const kind = sqlite3_errstr(result);
  std::string text = kind;
  if (handle_ != nullptr && sqlite3_extended_errcode(handle_) == result) {
    const std::string_view more = sqlite3_errmsg(handle_);
    if (more != kind) {
      text = fmt::format("{}: {}", kind, more);
    }
  }
  if (quota) {
    text = "the disk quota of the agent's user or folder is exceeded";
  }
  return Error(code_of(trouble, result), fmt::format("{} (SQLite {})", text, result));
}

Error Connection::damage(std::string text) {
  if (trouble_ == Trouble::kNone) {
    trouble_ = Trouble::kDamaged;
  }
  return Error(ErrorCode::kInvalid, std::move(text));
}

util::Status advised(const Connection& connection, util::Status status) {
  if (status || connection.trouble() != Trouble::kDamaged) {
    return status;
  }
  return util::Error(
      status.error().code(),
      fmt::format("{}; the file is damaged: keep a copy of it, then restart the agent (systemctl "
                  "restart warder), which moves it aside, begins a new history and reads the "
                  "running bans back from the kernel",
                  status.error().message()));
}

}  // namespace warder::store
