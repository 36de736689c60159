#include "store/files.h"
#include "store_support.h"

#include <sqlite3.h>

#include <condition_variable>
#include <mutex>

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;
using testing::kLongEnough;

namespace {

struct Fixture : testing::StoreFixture {
  Fixture() {
    hooks.set_aside = [this](const std::filesystem::path& where, const std::string&) {
      set_aside.push_back(where.filename().string());
    };
  }
  void overwrite(std::size_t offset, const std::string& bytes) {
    std::string content = folder.read("warder.db");
    content.replace(offset, bytes.size(), bytes);
    folder.write("warder.db", content);
  }

  std::vector<std::string> set_aside;
};

}  // namespace

TEST_CASE("a damaged header moves the database aside whole and starts a new one") {
  Fixture fixture;
  fixture.open();
  const auto ntfy = *fixture.store->destination("ntfy");
  fixture.put_findings(0, 5);
  fixture.close();
  fixture.overwrite(0, std::string(100, '\0'));
  const std::string damaged = fixture.folder.read("warder.db");
  fixture.open();
  CHECK(fixture.set_aside == std::vector<std::string>{"warder.db.damaged-20261102T120000Z"});
  CHECK(fixture.folder.read(fixture.set_aside[0]) == damaged);
  CHECK(*fixture.store->destination("ntfy") == ntfy);
  fixture.put_findings(5, 1);
  const auto texts = fixture.messages();
  REQUIRE(texts.size() == 2);
  CHECK(texts[0] == "the database was damaged (" + fixture.options.path.string() +
                        ": file is not a database (SQLite 26)); it was moved to " +
                        (fixture.folder / fixture.set_aside[0]).string() +
                        " and a new one started; bans are read back from the kernel");
  CHECK(texts[1] == "finding 5");
}

TEST_CASE("an emptied, a cut and a table-less database are damage too") {
  const auto damage = GENERATE(std::string("empty"), std::string("cut"), std::string("dropped"),
                               std::string("behind"));
  Fixture fixture;
  fixture.open();
  fixture.put_findings(0, 200);
  fixture.close();
  if (damage == "empty") {
    fixture.folder.write("warder.db", "");
  } else if (damage == "cut") {
    fixture.folder.write("warder.db", fixture.folder.read("warder.db").substr(0, 8192));
  } else {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(fixture.options.path.c_str(), &database) == SQLITE_OK);
    const char* sql =
        damage == "dropped" ? "DROP TABLE event" : "UPDATE tree SET size=1,peaks=zeroblob(32)";
    REQUIRE(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  }
  fixture.open();
  CHECK(fixture.set_aside.size() == 1);
  fixture.put_findings(0, 1);
  CHECK(fixture.messages().back() == "finding 0");
}

TEST_CASE("damage found while running keeps what was queued and the numbers of destinations") {
  Fixture fixture;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  const auto ntfy = *fixture.store->destination("ntfy");
  fixture.put_findings(0, 3);
  auto reader = fixture.reader();
  CHECK(reader.figures()->tree_size == 3);
  REQUIRE(fixture.store->wait(fixture.store->set_aside("page 7 is broken"), kLongEnough));
  CHECK(fixture.set_aside.size() == 1);
  store::Batch batch;
  batch.events = {finding(10)};
  batch.outbox = {{0, ntfy}};
  fixture.put(std::move(batch));
  // The reader that was open all the time sees the new database.
  CHECK(reader.outbox_from(ntfy, 0, 10)->size() == 1);
  CHECK(reader.outbox_from(mail, 0, 10)->empty());
  CHECK(*fixture.store->destination("mail") == mail);
  CHECK(fixture.store->health().state == store::State::kRunning);
}

TEST_CASE("two databases damaged in one second both stay") {
  Fixture fixture;
  fixture.open();
  REQUIRE(fixture.store->wait(fixture.store->set_aside("a"), kLongEnough));
  REQUIRE(fixture.store->wait(fixture.store->set_aside("b"), kLongEnough));
  CHECK(fixture.set_aside == std::vector<std::string>{"warder.db.damaged-20261102T120000Z",
                                                      "warder.db.damaged-20261102T120000Z-2"});
}

TEST_CASE("a database of the future or of another program is refused and left alone") {
  const testing::TemporaryFolder folder;
  const std::filesystem::path path = folder / "warder.db";
  const auto make = [&](const std::string& sql) {
    std::filesystem::remove(path);
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    return folder.read("warder.db");
  };
  const auto refusal = [&]() -> std::string {
    testing::ManualClock clock;
    store::Options options;
    options.path = path;
    options.origin = "w";
    const auto opened = store::Store::open(options, clock, std::nullopt, {});
    return opened ? "opened" : opened.error().message();
  };
  std::string before =
      make("PRAGMA application_id=1465009234;PRAGMA user_version=99;CREATE TABLE t(x)");
  CHECK(refusal() == path.string() +
                         ": was written by a newer warder (schema 99, this one knows 4); install "
                         "that version again, or move the file away to begin a new history");
  CHECK(folder.read("warder.db") == before);
  before = make("CREATE TABLE mine(x)");
  CHECK(refusal() == path.string() +
                         ": is a database of another program (application id 0); set the path of "
                         "the store to a file of its own");
  CHECK(folder.read("warder.db") == before);
}

TEST_CASE("a lock held by another program degrades the store and nothing is lost") {
  Fixture fixture;
  std::vector<store::State> states;
  std::mutex mutex;
  std::condition_variable changed;
  fixture.hooks.state = [&](const store::Health& health) {
    const std::lock_guard lock(mutex);
    states.push_back(health.state);
    changed.notify_all();
  };
  fixture.open();
  fixture.put_findings(0, 1);
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(fixture.options.path.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  store::Batch batch;
  batch.events = {finding(1)};
  const auto ticket = fixture.store->submit(std::move(batch));
  REQUIRE(ticket);
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, kLongEnough, [&] { return !states.empty(); }));
  }
  CHECK(fixture.store->health().state == store::State::kDegraded);
  CHECK(fixture.store->health().reason ==
        "the history cannot be written: database is locked (SQLite 5)");
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  REQUIRE(fixture.store->wait(*ticket, kLongEnough));
  fixture.put_findings(2, 1);
  CHECK(fixture.messages() ==
        std::vector<std::string>{"finding 0", "finding 1",
                                 "the history is written again; before, the history cannot be "
                                 "written: database is locked (SQLite 5)",
                                 "finding 2"});
}
