#include "fail2ban/database.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>

using namespace warder;
using testing::TemporaryFolder;

namespace {

void run(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  char* error = nullptr;
  const int done = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error);
  INFO((error == nullptr ? "" : error));
  REQUIRE(done == SQLITE_OK);
  sqlite3_close(database);
}

const std::string kSchema =
    "CREATE TABLE fail2banDb(version INTEGER);"
    "CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER);"
    "CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER "
    "NOT "
    "NULL, bancount INTEGER NOT NULL, data JSON);"
    "CREATE TABLE bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL, bantime "
    "INTEGER NOT NULL, bancount INTEGER NOT NULL, data JSON);";

std::string error_of(const std::filesystem::path& path) {
  const auto stored = fail2ban::read_database(path);
  return stored ? "none" : stored.error().message();
}

}  // namespace

TEST_CASE("bans, history and positions are read") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f.sqlite3";
  run(path, kSchema +
                "INSERT INTO fail2banDb VALUES(4);"
                "INSERT INTO bips VALUES('192.0.2.1','sshd',1000,600,3,'{\"matches\":[\"one\","
                "[\"t\",\"w\",\"o\"]],\"failures\":5}');"
                "INSERT INTO bips VALUES('192.0.2.2','sshd',1001,-1,1,'not json');"
                "INSERT INTO bips VALUES('192.0.2.3','sshd','now',600,1,'{}');"
                "INSERT INTO bips VALUES('192.0.2.4','sshd',1,99999999999999,1,'{}');"
                "INSERT INTO bans VALUES('sshd','192.0.2.1',1000,600,3,'{}');"
                "INSERT INTO logs VALUES('sshd','/var/log/auth.log','d41d',77);");
  const auto stored = fail2ban::read_database(path);
  REQUIRE(stored);
  REQUIRE(stored->current.size() == 2);
  CHECK(stored->current[0].address == "192.0.2.1");
  CHECK(stored->current[0].count == 3);
  CHECK(stored->current[0].failures == 5);
  CHECK(stored->current[0].matches == std::vector<std::string>{"one", "two"});
  CHECK(stored->current[0].end() == 1600);
  CHECK_FALSE(stored->current[1].end());
  CHECK(stored->left_out == 2);
  REQUIRE(stored->history.size() == 1);
  REQUIRE(stored->logs.size() == 1);
  CHECK(stored->logs[0].position == 77);
}

TEST_CASE("what is no such database is told apart") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return folder.path() / name; };
  run(path("old"), kSchema + "INSERT INTO fail2banDb VALUES(3);");
  run(path("new"), kSchema + "INSERT INTO fail2banDb VALUES(5);");
  run(path("empty"), kSchema);
  run(path("other"), "CREATE TABLE x(y);");
  std::ofstream(path("text"))
      << "this is no database, but long enough to have a header of its own, "
         "which has a hundred bytes";
  CHECK(error_of(path("old")).find("has version 3, of a fail2ban before 0.11") !=
        std::string::npos);
  CHECK(error_of(path("new")).find("has version 5, of a newer fail2ban") != std::string::npos);
  CHECK(error_of(path("empty")).find("has no version") != std::string::npos);
  CHECK(error_of(path("other")).find("is no database of fail2ban") != std::string::npos);
  CHECK(error_of(path("text")).find("is no SQLite database") != std::string::npos);
  CHECK(fail2ban::read_database(path("none")).error().code() == util::ErrorCode::kNotFound);
}

TEST_CASE("a damaged database is told with what to do") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f.sqlite3";
  run(path, kSchema + "INSERT INTO fail2banDb VALUES(4);" +
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
                "INSERT INTO bans SELECT 'sshd', '192.0.2.' || (i % 250), i, 600, 1, "
                "'{\"matches\": [], \"failures\": 5}' FROM n;");
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
    file << std::string(8192, '\x5a');
  }
  CHECK(error_of(path).find("is damaged") != std::string::npos);
}

TEST_CASE("what a forged database could do is refused or left out") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f.sqlite3";
  run(path, kSchema +
                "INSERT INTO fail2banDb VALUES(4);"
                "INSERT INTO logs VALUES('sshd','/var/log/auth.log','d41d',-5);"
                "INSERT INTO logs VALUES('sshd','/var/log/auth.log','d41d','end');");
  const auto stored = fail2ban::read_database(path);
  REQUIRE(stored);
  CHECK(stored->logs.empty());
  CHECK(stored->left_out == 2);
  // Rows without end.
  run(path,
      "DROP TABLE bips; CREATE VIEW bips AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 "
      "FROM c) SELECT x AS ip, 'j' AS jail, x AS timeofban, 600 AS bantime, 1 AS bancount, NULL AS "
      "data FROM c");
  CHECK(error_of(path).find("holds views, which fail2ban does not make") != std::string::npos);
}
