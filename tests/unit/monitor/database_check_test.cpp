// Real databases, each fault made for real.
#include "monitor/database_check.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <sqlite3.h>

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace warder;
using monitor::Check;
using monitor::Outcome;
using State = Outcome::State;

namespace {

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

Handle open(const std::filesystem::path& path) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  sqlite3_busy_timeout(handle, 5000);
  return Handle(handle);
}

void run(const Handle& handle, const std::string& sql) {
  char* error = nullptr;
  const int result = sqlite3_exec(handle.get(), sql.c_str(), nullptr, nullptr, &error);
  INFO(sql << ": " << (error == nullptr ? "" : error));
  REQUIRE(result == SQLITE_OK);
}

struct Fixture {
  Fixture() {
    request.monitor = "vault";
    request.database = folder / "db.sqlite3";
    request.folder = folder / "snapshots";
    std::filesystem::create_directory(request.folder);
  }

  void make(const std::string& mode = "wal", int rows = 2000) {
    const Handle handle = open(request.database);
    run(handle, "PRAGMA journal_mode=" + mode +
                    ";CREATE TABLE users(uuid TEXT PRIMARY KEY, name TEXT);"
                    "CREATE TABLE ciphers(uuid TEXT PRIMARY KEY, owner TEXT REFERENCES "
                    "users(uuid), data TEXT);CREATE INDEX by_owner ON ciphers(owner);"
                    "INSERT INTO users VALUES('u1', 'one')");
    run(handle, fmt::format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                            "i < {}) INSERT INTO ciphers SELECT 'c' || i, 'u1', hex(zeroblob(200)) "
                            "FROM n",
                            rows));
  }
  Outcome check(Check one) {
    request.checks = {one};
    const std::vector<Outcome> outcomes = monitor::check_database(request);
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].check == one);
    // Nothing is left behind.
    CHECK(std::filesystem::is_empty(request.folder));
    return outcomes[0];
  }

  testing::TemporaryFolder folder;
  monitor::DatabaseRequest request;
};

}  // namespace

TEST_CASE("a sound database is whole, whatever its journal mode") {
  const char* const mode = GENERATE("wal", "delete", "truncate");
  Fixture fixture;
  fixture.make(mode);
  for (const Check one : {Check::kIntegrity, Check::kQuick, Check::kForeignKeys}) {
    const Outcome outcome = fixture.check(one);
    INFO(outcome.text);
    CHECK(outcome.state == State::kGood);
    CHECK(outcome.mark.empty());
  }
}

TEST_CASE("a page with wrong bytes is found, with what to do") {
  Fixture fixture;
  fixture.make("delete");
  {
    std::fstream file(fixture.request.database, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20 * 4096 + 8);
    file << std::string(2000, '\xA5');
  }
  for (const Check one : {Check::kIntegrity, Check::kQuick}) {
    const Outcome outcome = fixture.check(one);
    INFO(outcome.text);
    CHECK(outcome.state == State::kBad);
    CHECK(outcome.mark == "damaged");
    CHECK(outcome.text.starts_with("the database is damaged: "));
    CHECK(outcome.next.find("restore the newest good backup") != std::string::npos);
  }
}

TEST_CASE("an index that lacks a row is found by integrity alone") {
  Fixture fixture;
  fixture.make("delete", 10);
  {
    const Handle handle = open(fixture.request.database);
    // The index no longer has the rows of which the schema says that it has them.
    run(handle,
        "PRAGMA writable_schema=1;"
        "UPDATE sqlite_schema SET sql='CREATE INDEX by_owner ON ciphers(data)' WHERE "
        "name='by_owner'");
  }
  CHECK(fixture.check(Check::kQuick).state == State::kGood);
  CHECK(fixture.check(Check::kIntegrity).state == State::kBad);
}

TEST_CASE("what is no database is damaged; what is not there cannot be checked") {
  Fixture fixture;
  std::ofstream(fixture.request.database) << std::string(8192, 'x');
  CHECK(fixture.check(Check::kQuick).state == State::kBad);
  std::filesystem::remove(fixture.request.database);
  Outcome outcome = fixture.check(Check::kQuick);
  CHECK(outcome.state == State::kUnknown);
  CHECK(outcome.cause == "there is no such file");
  REQUIRE(::mkfifo(fixture.request.database.c_str(), 0600) == 0);
  outcome = fixture.check(Check::kQuick);  // and does not hang
  CHECK(outcome.state == State::kUnknown);
  CHECK(outcome.text == "the database is no regular file");
}

TEST_CASE("a row without its parent is named") {
  Fixture fixture;
  fixture.make("wal", 3);
  {
    const Handle handle = open(fixture.request.database);
    run(handle, "UPDATE ciphers SET owner='gone' WHERE uuid='c2'");
  }
  const Outcome outcome = fixture.check(Check::kForeignKeys);
  CHECK(outcome.state == State::kBad);
  CHECK(outcome.text ==
        "1 row is without the row their foreign key names: ciphers row 2 has no users");
}

TEST_CASE("a new trigger, a changed table and a missing index are told, however they are named") {
  Fixture fixture;
  fixture.make();
  const Outcome first = fixture.check(Check::kSchema);
  CHECK(first.state == State::kGood);
  CHECK(first.text == "the schema has 3 objects; they are the baseline from now on");
  fixture.request.schema_baseline = first.baseline;
  CHECK(fixture.check(Check::kSchema).text == "the schema's 3 objects are those of the baseline");
  {
    const Handle handle = open(fixture.request.database);
    run(handle,
        "CREATE TRIGGER \"steal\n\x1b[2J'`$(id)`\" AFTER INSERT ON ciphers BEGIN DELETE FROM "
        "users; END;ALTER TABLE users ADD COLUMN extra;DROP INDEX by_owner;ANALYZE");
  }
  const Outcome changed = fixture.check(Check::kSchema);
  CHECK(changed.state == State::kBad);
  CHECK(changed.text ==
        "the schema has changed: changed table users; new trigger steal\\x0a\\x1b[2J'`$(id)`; "
        "missing index by_owner");
  CHECK(changed.next.ends_with("; after an upgrade: warder monitor accept vault"));
  CHECK_FALSE(changed.mark.empty());
}

TEST_CASE("free pages are told with what a vacuum gives back") {
  Fixture fixture;
  fixture.make();
  CHECK(fixture.check(Check::kFreePages).state == State::kGood);
  {
    const Handle handle = open(fixture.request.database);
    run(handle, "DELETE FROM ciphers");
  }
  const Outcome outcome = fixture.check(Check::kFreePages);
  CHECK(outcome.state == State::kBad);
  CHECK(outcome.next.find("VACUUM") != std::string::npos);
}

TEST_CASE(
    "a slow query is told, a wrong one is the configuration's fault, a writing one is refused") {
  Fixture fixture;
  fixture.make();
  fixture.request.max_query_time = std::chrono::milliseconds(1);
  fixture.request.queries = {
      "SELECT count(*) FROM ciphers a, ciphers b, ciphers c WHERE a.data > b.data || c.data"};
  CHECK(fixture.check(Check::kQueries).state == State::kBad);
  fixture.request.max_query_time = std::chrono::minutes(1);
  fixture.request.queries = {"SELECT count(*) FROM missing"};
  Outcome outcome = fixture.check(Check::kQueries);
  CHECK(outcome.state == State::kUnknown);
  CHECK(outcome.text ==
        "the query \"SELECT count(*) FROM missing\" cannot be run: reading the database: no such "
        "table: missing");
  for (const char* writing : {"DELETE FROM users", "ATTACH '/tmp/x' AS x", "SELECT 1; SELECT 2"}) {
    fixture.request.queries = {writing};
    CHECK(fixture.check(Check::kQueries).state == State::kUnknown);
  }
  const Handle handle = open(fixture.request.database);
  fixture.request.queries = {"SELECT count(*) FROM users"};
  CHECK(fixture.check(Check::kQueries).text.starts_with("1 query was timed"));
}

TEST_CASE("a cache that holds the queries hits, a small one misses") {
  Fixture fixture;
  fixture.make();
  fixture.request.queries = {"SELECT sum(length(data)) FROM ciphers"};
  CHECK(fixture.check(Check::kCache).state == State::kGood);
  fixture.request.cache_pages = 10;
  const Outcome outcome = fixture.check(Check::kCache);
  INFO(outcome.text);
  CHECK(outcome.state == State::kBad);
}

TEST_CASE("a copy of one moment is taken beside a writer, who is never refused") {
  const char* const mode = GENERATE("wal", "delete");
  Fixture fixture;
  // Few enough that the whole is copied between two writes, however busy the machine is.
  fixture.make(mode, 2000);
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::atomic<int> refused{0};
  std::thread writer([&] {
    const Handle handle = open(fixture.request.database);
    for (int i = 0; !stop; ++i) {
      // Both rows or none: a copy of one moment has as many of the one as of the other.
      const std::string sql = fmt::format(
          "BEGIN IMMEDIATE;INSERT INTO users VALUES('w{}', 'x');INSERT INTO ciphers VALUES('w{}', "
          "'w{}', 'y');COMMIT",
          i, i, i);
      if (sqlite3_exec(handle.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
        ++written;
      } else {
        ++refused;
        sqlite3_exec(handle.get(), "ROLLBACK", nullptr, nullptr, nullptr);
      }
    }
  });
  while (written < 10) {
    std::this_thread::yield();
  }
  const int before = written;
  for (const Check one : {Check::kIntegrity, Check::kForeignKeys}) {
    const Outcome outcome = fixture.check(one);
    INFO(outcome.text);
    CHECK(outcome.state == State::kGood);
  }
  const int after = written;
  stop = true;
  writer.join();
  CHECK(after > before);
  CHECK(refused == 0);
}

TEST_CASE("what a killed check left behind is removed by the next one") {
  Fixture fixture;
  fixture.make();
  std::ofstream(fixture.request.folder / "snapshot-aBcDeF") << "left over";
  CHECK(fixture.check(Check::kQuick).state == State::kGood);  // looks into the folder
}

TEST_CASE("requests and outcomes survive the way through a pipe") {
  Fixture fixture;
  fixture.request.checks = {Check::kSchema, Check::kHistory};
  fixture.request.queries = {"SELECT 'x'"};
  fixture.request.schema_baseline = "{}";
  const auto back = monitor::parse_request(to_json(fixture.request));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(fixture.request));
  CHECK_FALSE(monitor::parse_request("{\"monitor\":1}"));
  const Outcome outcome{Check::kDisk, State::kBad, "t", "c", "n", "{\"a\":1}", "m", ""};
  CHECK(monitor::parse_outcomes(monitor::outcomes_json({outcome})).value() ==
        std::vector<Outcome>{outcome});
  CHECK_FALSE(monitor::parse_outcomes("[{\"check\":\"none\"}]"));
  CHECK_FALSE(monitor::parse_outcomes("{}"));
}
