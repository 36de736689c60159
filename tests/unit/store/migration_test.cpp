// Databases that older versions wrote.
#include "crypto/merkle.h"
#include "store/leaf.h"
#include "store/schema.h"
#include "store/verify.h"
#include "store_support.h"

#include <fmt/core.h>
#include <sqlite3.h>

using namespace warder;
using testing::finding;
using testing::kLongEnough;

namespace {

// As version 1 wrote it, without what the views add.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE kind(number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE severity(number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE jail(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event(
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  jail INTEGER,
  address BLOB,
  message TEXT NOT NULL,
  detail TEXT,
  leaf BLOB NOT NULL);
CREATE INDEX event_time ON event(time);
CREATE INDEX event_address ON event(address) WHERE address IS NOT NULL;
CREATE TABLE ban(
  address BLOB NOT NULL,
  jail INTEGER NOT NULL,
  start INTEGER NOT NULL,
  until INTEGER,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY(address, jail)) WITHOUT ROWID;
CREATE TABLE past_ban(
  address BLOB NOT NULL,
  jail INTEGER NOT NULL,
  start INTEGER NOT NULL,
  until INTEGER,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended INTEGER NOT NULL,
  how INTEGER NOT NULL,
  PRIMARY KEY(address, jail, start)) WITHOUT ROWID;
CREATE TABLE position(
  source TEXT NOT NULL,
  log TEXT NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY(source, log)) WITHOUT ROWID;
CREATE TABLE destination(
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  delivered INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE outbox(
  destination INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due INTEGER NOT NULL,
  error TEXT,
  PRIMARY KEY(destination, sequence)) WITHOUT ROWID;
CREATE TABLE receipt(
  destination INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time INTEGER NOT NULL,
  receipt TEXT NOT NULL,
  PRIMARY KEY(destination, sequence)) WITHOUT ROWID;
CREATE TABLE tree(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  size INTEGER NOT NULL,
  peaks BLOB NOT NULL,
  pruned INTEGER NOT NULL);
CREATE TABLE pruned(
  first INTEGER PRIMARY KEY,
  level INTEGER NOT NULL,
  hash BLOB NOT NULL);
CREATE TABLE checkpoint(
  size INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  note TEXT NOT NULL);
INSERT INTO tree VALUES(1, 0, x'', 0);
)sql";

constexpr std::uint32_t kEvents = 1500;

// The finding `number` as version 1 kept it: where the line stands was in the detail.
model::Event old_event(std::uint32_t number) {
  model::Event event = finding(number);
  event.detail = fmt::format(R"({{"at":{},"log":"/var/log/auth.log"}})", number * 100);
  return event;
}

struct Fixture : testing::StoreFixture {
  void make_version_1() {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    run(database, kVersion1);
    // Views of that version are replaced, whatever they say.
    run(database, "CREATE VIEW events AS SELECT sequence, leaf AS message FROM event");
    run(database, "INSERT INTO jail(number, name) VALUES(1, 'sshd'), (2, 'caddy-auth')");
    run(database, "INSERT INTO meta VALUES('origin', 'warder/test.example/20261102T120000Z')");
    run(database, "INSERT INTO meta VALUES('created', 1793620800000000)");
    run(database, "INSERT INTO destination VALUES(1, 'mail', 0, 0)");
    run(database, "INSERT INTO outbox VALUES(1, 7, 1, 0, 2, 0, 'refused')");
    crypto::merkle::Frontier tree;
    std::string entry;
    for (std::uint32_t i = 0; i < kEvents; ++i) {
      const model::Event event = old_event(i);
      store::encode_leaf(i, event, &entry);
      const auto leaf = crypto::merkle::leaf_hash(util::as_bytes(entry));
      tree.append(leaf);
      run(database,
          fmt::format("INSERT INTO event VALUES({}, x'{}', {}, 1, {}, {}, x'{}', '{}', '{}', "
                      "substr(x'{}', 1, 8))",
                      i, util::to_hex(event.id.bytes), event.time.time_since_epoch().count(),
                      static_cast<int>(event.severity), i % 2 == 0 ? 1 : 2,
                      util::to_hex(util::as_bytes(store::encode_address(*event.address))),
                      event.message, event.detail, util::to_hex(leaf)));
    }
    run(database, fmt::format("UPDATE tree SET size = {}, peaks = x'{}'", kEvents,
                              util::to_hex(util::as_bytes(tree.serialize()))));
    run(database,
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = 1", store::kApplicationId));
    sqlite3_close(database);
    root = util::to_hex(tree.root());
  }

  static void run(sqlite3* database, const std::string& sql) {
    char* error = nullptr;
    sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error);
    const std::string text = error == nullptr ? "" : error;
    sqlite3_free(error);
    REQUIRE(text == "");
  }

  store::VerifyReport verify() const {
    const auto report =
        store::verify(options.path, {.key = std::nullopt, .against = {}, .vfs = {}});
    if (!report) {
      FAIL(report.error().message());
    }
    return *report;
  }

  std::string root;
};

}  // namespace

TEST_CASE("a database of version 1 is read on with all that it holds") {
  Fixture fixture;
  fixture.make_version_1();
  fixture.open();
  const auto events = fixture.events({.limit = 10'000});
  REQUIRE(events.size() == kEvents);
  for (std::uint32_t i = 0; i < kEvents; i += 499) {
    const model::Event wanted = old_event(i);
    CHECK(events[i].event.id == wanted.id);
    CHECK(events[i].event.time == wanted.time);
    CHECK(events[i].event.jail == wanted.jail);
    CHECK(events[i].event.address == wanted.address);
    CHECK(events[i].event.message == wanted.message);
    CHECK(events[i].event.detail == wanted.detail);
    CHECK_FALSE(events[i].event.line);
  }
  CHECK(fixture.verify().good());
  CHECK(fixture.verify().root == fixture.root);
  // Checkpoints kept elsewhere name it so.
  CHECK(fixture.reader().figures()->origin == "warder/test.example/20261102T120000Z");
  CHECK(fixture.reader().outbox_from(store::DestinationId{1}, 0, 10)->at(0).sequence == 7);
  std::vector<std::string> rows;
  REQUIRE(fixture.reader().query("SELECT message, detail FROM events WHERE sequence = 1499",
                                 std::chrono::seconds(5), [&](const auto& row) {
                                   rows.push_back(row[0] + " " + row[1]);
                                   return true;
                                 }));
  CHECK(rows.back() == R"(finding 1499 {"at":149900,"log":"/var/log/auth.log"})");
  // What is stored already counts once, what is new goes on behind it.
  fixture.put_findings(kEvents - 3, 5);
  CHECK(fixture.events({.limit = 10'000}).size() == kEvents + 2);
  CHECK(fixture.events({.since = finding(kEvents - 1).time}).size() == 3);
  CHECK(fixture.verify().good());
}

TEST_CASE("a reader refuses a database that the agent has not brought up to date") {
  Fixture fixture;
  fixture.make_version_1();
  const auto reader = store::Reader::open(fixture.options.path);
  REQUIRE_FALSE(reader);
  CHECK(reader.error().message() ==
        fixture.options.path.string() +
            ": was written by an older warder (schema 1, this one reads 4); start the agent, which "
            "brings it up to date");
}
