#pragma once

#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

// A thin cover over SQLite: handles that free themselves, bound values by type, errors as Result.
// One thread at a time.
namespace warder::store {

// Bytes to bind as BLOB; a std::string_view is bound as TEXT.
struct Blob {
  std::string_view bytes;
};

// What kind of failure the last failed call was, for the writer to act on.
enum class Trouble : std::uint8_t {
  kNone,
  kFull,     // no space, quota
  kIo,       // a read, write or sync failed, or the file cannot be opened or written
  kBusy,     // another process holds the lock
  kDamaged,  // the file is no database or its structure is broken
  kOther,    // a value or statement that SQLite refuses: trying again does not help
};

class Connection;

// The rows of a running statement. Frees the statement for its next run when it goes.
class Rows {
 public:
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  // The next row; false at the end and on failure, see status().
  bool next();
  // Whether next() ended because the rows did.
  util::Status status() const { return status_; }

  // Columns count from 0. Views hold until the next call of next().
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  int columns() const;
  std::string_view name(int column) const;

 private:
  friend class Statement;
  Rows(Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  Connection* connection_;
  sqlite3_stmt* statement_;
  util::Status status_;
};

// A prepared statement; lives no longer than its Connection.
class Statement {
 public:
  // Prepares nothing; to be assigned before the first run().
  Statement() = default;
  // Runs it with values for ?1, ?2, ...; integers, text, Blob, nullptr and optional ones of these.
  // Only one Rows of a Statement at a time.
  template <typename... Values>
  Rows run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Rows(connection_, statement_.get());
  }
  // Runs it to its end, for statements whose rows do not matter.
  template <typename... Values>
  util::Status execute(const Values&... values) {
    Rows rows = run(values...);
    while (rows.next()) {
    }
    return rows.status();
  }

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, const Blob& blob);
  void bind(int index, std::nullptr_t);
  template <typename Value>
  void bind(int index, const std::optional<Value>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }
  template <typename Integer>
    requires(std::is_integral_v<Integer>)
  void bind(int index, Integer value) {
    bind(index, static_cast<std::int64_t>(value));
  }

  Connection* connection_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// An open database. Neither copied nor moved: statements point to it.
class Connection {
 public:
  enum class Mode : std::uint8_t { kReadWrite, kReadOnly };

  static util::Result<std::unique_ptr<Connection>> open(const std::filesystem::path& path,
                                                        Mode mode, std::string_view vfs);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // One statement; what follows it may be blanks and comments. kInvalid when there is none or more.
  util::Result<Statement> prepare(std::string_view sql);
  // One or more statements without values.
  util::Status execute(const std::string& sql);
  // The first column of the first row; 0 when there is none.
  util::Result<std::int64_t> integer(std::string_view sql);

  // Rows changed by the last INSERT, UPDATE or DELETE.
  std::int64_t changes() const;
  bool in_transaction() const;
  // Ends an open transaction; a failure leaves nothing to do but closing.
  void roll_back();

  // The kind of the first failure since forgive().
  Trouble trouble() const { return trouble_; }
  void forgive() { trouble_ = Trouble::kNone; }

  // An Error with SQLite's own text from the result code of the call that just failed; notes the
  // trouble.
  util::Error failure(int result);
  // The same for content that SQLite takes but that cannot be ours: the database is damaged.
  util::Error damage(std::string text);

  sqlite3* handle() const { return handle_; }

 private:
  Connection() = default;

  sqlite3* handle_ = nullptr;
  Trouble trouble_ = Trouble::kNone;
};

// A failure of the last call with what to do about it, for those who only read: the writer sets a
// damaged database aside itself.
util::Status advised(const Connection& connection, util::Status status);

}  // namespace warder::store
