#include "backup/sql_dump.h"

#include "backup/database_check.h"
#include "backup/streams.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kBuffer = 64UL * 1024;

// Collects text and hands it on in pieces.
class TextWriter {
 public:
  explicit TextWriter(util::ByteSink& to) : to_(to) { text_.reserve(kBuffer * 2); }
  std::string& text() { return text_; }
  util::Status flush_if_full() { return text_.size() < kBuffer ? util::Status() : flush(); }
  util::Status flush() {
    util::Status written = to_.write(util::as_bytes(text_));
    text_.clear();
    return written;
  }

 private:
  util::ByteSink& to_;
  std::string text_;
};

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using RawStatement = std::unique_ptr<sqlite3_stmt, Finalize>;

util::Result<RawStatement> prepare(store::Connection& connection, std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int result = sqlite3_prepare_v2(connection.handle(), sql.data(),
                                        static_cast<int>(sql.size()), &raw, nullptr);
  if (result != SQLITE_OK) {
    return connection.failure(result);
  }
  return RawStatement(raw);
}

void append_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t quote = text.find('\'', at);
    const std::size_t end = quote == std::string_view::npos ? text.size() : quote + 1;
    out.append(text, at, end - at);
    if (quote != std::string_view::npos) {
      out += '\'';
    }
    at = end;
  }
  out += '\'';
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "X'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  out += '\'';
}

// Turns text into numbers as SQLite will when it reads the dump.
class NumberReader {
 public:
  explicit NumberReader(store::Connection& connection) : connection_(connection) {}

  util::Result<bool> gives(std::string_view text, double expected) {
    if (!statement_) {
      WARDER_ASSIGN_OR_RETURN(statement_, prepare(connection_, "SELECT CAST(?1 AS REAL)"));
    }
    sqlite3_bind_text(statement_.get(), 1, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
    const bool same = sqlite3_step(statement_.get()) == SQLITE_ROW &&
                      sqlite3_column_double(statement_.get(), 0) == expected;
    sqlite3_reset(statement_.get());
    return same;
  }

 private:
  store::Connection& connection_;
  RawStatement statement_;
};

util::Status append_real(std::string& out, double value, NumberReader& reader) {
  if (std::isinf(value)) {
    out += value > 0 ? "1e999" : "-1e999";
    return {};
  }
  // The correctly rounded shortest text is not always what SQLite 3.40 reads back exactly; more
  // digits nearly always are.
  std::array<char, 64> digits{};
  for (const int precision : {0, 17, 18, 19, 20}) {
    const auto [end, error] =
        precision == 0 ? std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                       std::chars_format::scientific)
                       : std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                       std::chars_format::scientific, precision - 1);
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    WARDER_ASSIGN_OR_RETURN(const bool same, reader.gives(text, value));
    if (same || precision == 20) {
      out += text;
      return {};
    }
  }
  return {};
}

util::Status append_value(std::string& out, sqlite3_stmt* row, int column, NumberReader& reader) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      fmt::format_to(std::back_inserter(out), "{}", sqlite3_column_int64(row, column));
      return {};
    case SQLITE_FLOAT:
      return append_real(out, sqlite3_column_double(row, column), reader);
    case SQLITE_NULL:
      out += "NULL";
      return {};
    default:
      break;
  }
  const bool is_text = sqlite3_column_type(row, column) == SQLITE_TEXT;
  const void* const bytes = is_text ? static_cast<const void*>(sqlite3_column_text(row, column))
                                    : sqlite3_column_blob(row, column);
  const std::string_view value(static_cast<const char*>(bytes),
                               static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
  if (!is_text) {
    append_hex(out, value);
  } else if (value.find('\0') != std::string_view::npos) {
    out += "CAST(";
    append_hex(out, value);
    out += " AS TEXT)";
  } else {
    append_quoted(out, value);
  }
  return {};
}

class Dump {
 public:
  Dump(store::Connection& from, util::ByteSink& to) : from_(from), writer_(to), numbers_(from) {}

  util::Status run() {
    std::string& out = writer_.text();
    out += "PRAGMA foreign_keys=OFF;\n";
    for (const char* pragma : {"application_id", "user_version"}) {
      WARDER_ASSIGN_OR_RETURN(const std::int64_t value,
                              from_.integer(fmt::format("PRAGMA {}", pragma)));
      out += fmt::format("PRAGMA {}={};\n", pragma, value);
    }
    out += "BEGIN TRANSACTION;\n";
    WARDER_RETURN_IF_ERROR(tables());
    WARDER_RETURN_IF_ERROR(sequences());
    WARDER_RETURN_IF_ERROR(
        statements("SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND type IN "
                   "('index','trigger','view') ORDER BY type COLLATE NOCASE DESC, rowid"));
    if (writable_schema_) {
      out += "PRAGMA writable_schema=OFF;\n";
    }
    out += "COMMIT;\n";
    return writer_.flush();
  }

 private:
  struct Table {
    std::string name;
    std::string sql;
    bool is_virtual = false;
  };

  util::Status tables() {
    std::vector<Table> all;
    {
      WARDER_ASSIGN_OR_RETURN(
          store::Statement list,
          from_.prepare("SELECT name, sql, rootpage FROM sqlite_schema WHERE type='table' AND "
                        "sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"));
      store::Rows rows = list.run();
      while (rows.next()) {
        all.push_back({std::string(rows.text(0)), std::string(rows.text(1)), rows.integer(2) == 0});
      }
      WARDER_RETURN_IF_ERROR(rows.status());
    }
    for (const Table& table : all) {
      if (table.is_virtual) {
        // Creating it would create its shadow tables, which come as they are.
        if (!writable_schema_) {
          writer_.text() += "PRAGMA writable_schema=ON;\n";
          writable_schema_ = true;
        }
        std::string& out = writer_.text();
        out += "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table',";
        append_quoted(out, table.name);
        out += ',';
        append_quoted(out, table.name);
        out += ",0,";
        append_quoted(out, table.sql);
        out += ");\n";
        continue;
      }
      writer_.text() += table.sql + ";\n";
      WARDER_RETURN_IF_ERROR(rows_of(table.name));
    }
    return {};
  }

  util::Status rows_of(const std::string& table) {
    std::string columns;
    {
      // Generated columns are left out: they cannot be inserted.
      WARDER_ASSIGN_OR_RETURN(store::Statement list,
                              from_.prepare("SELECT name FROM pragma_table_info(?1)"));
      store::Rows rows = list.run(std::string_view(table));
      while (rows.next()) {
        columns += (columns.empty() ? "" : ",") + quoted_name(rows.text(0));
      }
      WARDER_RETURN_IF_ERROR(rows.status());
    }
    WARDER_ASSIGN_OR_RETURN(
        const RawStatement all,
        prepare(from_, fmt::format("SELECT {} FROM {}", columns, quoted_name(table))));
    const std::string head = fmt::format("INSERT INTO {}({}) VALUES(", quoted_name(table), columns);
    int result = SQLITE_ROW;
    while ((result = sqlite3_step(all.get())) == SQLITE_ROW) {
      std::string& out = writer_.text();
      out += head;
      for (int column = 0; column < sqlite3_column_count(all.get()); ++column) {
        if (column > 0) {
          out += ',';
        }
        WARDER_RETURN_IF_ERROR(append_value(out, all.get(), column, numbers_));
      }
      out += ");\n";
      WARDER_RETURN_IF_ERROR(writer_.flush_if_full());
    }
    return result == SQLITE_DONE ? util::Status() : from_.failure(result);
  }

  // AUTOINCREMENT's counters.
  util::Status sequences() {
    WARDER_ASSIGN_OR_RETURN(
        const std::int64_t there,
        from_.integer("SELECT count(*) FROM sqlite_schema WHERE name='sqlite_sequence'"));
    if (there == 0) {
      return {};
    }
    writer_.text() += "DELETE FROM sqlite_sequence;\n";
    return rows_of("sqlite_sequence");
  }

  util::Status statements(std::string_view query) {
    WARDER_ASSIGN_OR_RETURN(store::Statement list, from_.prepare(query));
    store::Rows rows = list.run();
    while (rows.next()) {
      writer_.text() += std::string(rows.text(0)) + ";\n";
      WARDER_RETURN_IF_ERROR(writer_.flush_if_full());
    }
    return rows.status();
  }

  store::Connection& from_;
  TextWriter writer_;
  NumberReader numbers_;
  bool writable_schema_ = false;
};

// Cuts SQL text into statements in linear time: a ';' outside quotes and comments may end one, and
// SQLite is asked (triggers hold ';').
class StatementCutter {
 public:
  // Calls `run` with each whole statement.
  template <typename Run>
  util::Status take(std::string_view text, const Run& run) {
    for (const char c : text) {
      statement_ += c;
      if (step(c) && sqlite3_complete(statement_.c_str()) != 0) {
        WARDER_RETURN_IF_ERROR(run(statement_));
        statement_.clear();
      }
    }
    return {};
  }
  bool is_empty() const { return util::trim(statement_).empty(); }

 private:
  enum class In : std::uint8_t { kSql, kQuote, kDouble, kTick, kBracket, kLine, kBlock };

  bool step(char c) {
    const char before = last_;
    last_ = c;
    switch (in_) {
      case In::kSql:
        in_ = begins(before, c);
        return c == ';';
      case In::kQuote:
        return leave(c == '\'');
      case In::kDouble:
        return leave(c == '"');
      case In::kTick:
        return leave(c == '`');
      case In::kBracket:
        return leave(c == ']');
      case In::kLine:
        return leave(c == '\n');
      case In::kBlock:
        if (before == '*' && c == '/') {
          last_ = '\0';
          in_ = In::kSql;
        }
        return false;
    }
    return false;
  }
  bool leave(bool end) {
    if (end) {
      in_ = In::kSql;
    }
    return false;
  }
  In begins(char before, char c) {
    switch (c) {
      case '\'':
        return In::kQuote;
      case '"':
        return In::kDouble;
      case '`':
        return In::kTick;
      case '[':
        return In::kBracket;
      case '-':
        return before == '-' ? In::kLine : In::kSql;
      case '*':
        if (before == '/') {
          last_ = '\0';
          return In::kBlock;
        }
        return In::kSql;
      default:
        return In::kSql;
    }
  }

  std::string statement_;
  In in_ = In::kSql;
  char last_ = '\0';
};

int allow_dump_only(void*, int action, const char* first, const char* second, const char*,
                    const char*) {
  const std::string_view name = first == nullptr ? "" : first;
  switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    case SQLITE_PRAGMA:
      return name == "foreign_keys" || name == "application_id" || name == "user_version" ||
                     name == "writable_schema"
                 ? SQLITE_OK
                 : SQLITE_DENY;
    case SQLITE_FUNCTION: {
      const std::string_view function = second == nullptr ? "" : second;
      return function == "load_extension" || function == "readfile" || function == "writefile"
                 ? SQLITE_DENY
                 : SQLITE_OK;
    }
    default:
      return SQLITE_OK;
  }
}

}  // namespace

util::Status write_sql_dump(store::Connection& from, util::ByteSink& to) {
  return Dump(from, to).run();
}

util::Status execute_sql_dump(util::ByteSource& from, const std::filesystem::path& target) {
  {
    WARDER_ASSIGN_OR_RETURN(FileSink empty, FileSink::create(target));
    WARDER_RETURN_IF_ERROR(empty.finish());
  }
  WARDER_ASSIGN_OR_RETURN(const auto connection,
                          store::Connection::open(target, store::Connection::Mode::kReadWrite, {}));
  // A restore that breaks off is thrown away. A dump with virtual tables writes the schema itself.
  sqlite3_db_config(connection->handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  WARDER_RETURN_IF_ERROR(connection->execute(
      "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096"));
  sqlite3_set_authorizer(connection->handle(), allow_dump_only, nullptr);
  StatementCutter cutter;
  util::Bytes buffer(kBuffer);
  std::uint64_t count = 0;
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const std::size_t got, from.read(buffer));
    if (got == 0) {
      break;
    }
    WARDER_RETURN_IF_ERROR(cutter.take(util::as_text(util::ByteView(buffer).first(got)),
                                       [&](const std::string& statement) -> util::Status {
                                         ++count;
                                         const util::Status run = connection->execute(statement);
                                         return run ? run
                                                    : run.error().with_context(fmt::format(
                                                          "statement {} of the SQL dump", count));
                                       }));
  }
  if (!cutter.is_empty() || connection->in_transaction()) {
    return Error(ErrorCode::kInvalid, "the SQL dump ends early");
  }
  return {};
}

}  // namespace warder::backup
