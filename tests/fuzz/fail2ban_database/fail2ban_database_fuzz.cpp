// A damaged or forged database of fail2ban's. The input edits the file of an honest one, three
// bytes an edit: offset (big-endian, in steps that reach the whole file) and the value that is
// added there. An input that begins with "SQL:" is run as statements on it before: rows of every
// type.
#include "fail2ban/database.h"
#include "fuzz/require.h"
#include "support/temporary_folder.h"

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

namespace {

constexpr const char* kHonest = R"(
CREATE TABLE fail2banDb(version INTEGER);
INSERT INTO fail2banDb VALUES(4);
CREATE TABLE jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1);
CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0);
CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
  bancount INTEGER NOT NULL DEFAULT 1, data JSON);
CREATE TABLE bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL,
  bantime INTEGER NOT NULL, bancount INTEGER NOT NULL DEFAULT 1, data JSON, PRIMARY KEY(ip, jail));
INSERT INTO logs VALUES('sshd', '/var/log/auth.log', 'd41d8cd98f00b204e9800998ecf8427e', 4711);
INSERT INTO bans VALUES('sshd', '192.0.2.1', 1790000000, 600, 2,
  '{"matches": ["a line", ["in ", "parts"]], "failures": 5}');
INSERT INTO bans VALUES('sshd', '2001:db8::1', 1790000100, -1, 1, NULL);
INSERT INTO bips VALUES('192.0.2.1', 'sshd', 1790000000, 600, 2, '{"failures": 5}');
INSERT INTO bips VALUES('2001:db8::1', 'sshd', 1790000100, -1, 1, '{}');
)";

// Limits of the statements of an input: they are for odd rows, not for endless work.
int stop(void* steps) { return ++*static_cast<int*>(steps) > 100 ? 1 : 0; }

void run(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  require(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 1 << 20);
  int steps = 0;
  sqlite3_progress_handler(database, 1000, stop, &steps);
  (void)sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(database);
}

std::string honest_database(const testing::TemporaryFolder& folder) {
  run(folder / "honest.sqlite3", kHonest);
  return folder.read("honest.sqlite3");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TemporaryFolder folder;
  static const std::string honest = honest_database(folder);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string edited = honest;
  const bool is_sql = input.starts_with("SQL:");
  for (std::size_t i = 0; !is_sql && i + 2 < size; i += 3) {
    const std::size_t number = data[i] * 256U + data[i + 1];
    char& byte = edited[number % edited.size()];
    byte = static_cast<char>(byte + data[i + 2]);
  }
  const std::filesystem::path path = folder.write("edited.sqlite3", edited);
  if (is_sql) {
    run(path, std::string(input.substr(4)));
  }
  const auto stored = fail2ban::read_database(path);
  if (edited == honest && !is_sql) {
    require(stored.has_value() && stored->current.size() == 2 && stored->history.size() == 2 &&
            stored->logs.size() == 1 && stored->left_out == 0);
  }
  if (stored) {
    for (const auto* bans : {&stored->current, &stored->history}) {
      for (const fail2ban::StoredBan& ban : *bans) {
        require(ban.bantime >= -1 && ban.matches.size() <= 10);
        (void)ban.end();  // no overflow
      }
    }
    for (const fail2ban::StoredLog& log : stored->logs) {
      require(log.position >= 0);
    }
  } else {
    require(!stored.error().message().empty());
  }
  for (const char* const left :
       {"edited.sqlite3-wal", "edited.sqlite3-shm", "edited.sqlite3-journal"}) {
    std::error_code ignored;
    std::filesystem::remove(folder / left, ignored);
  }
  return 0;
}
