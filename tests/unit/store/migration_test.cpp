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

// What version 2 changed; a new database went through version 1, too, with nothing to move over.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE log(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event_2(
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  jail INTEGER,
  address BLOB,
  log INTEGER,
  at INTEGER,
  pattern INTEGER,
  attempts INTEGER,
  user TEXT,
  message TEXT NOT NULL,
  detail TEXT,
  leaf BLOB NOT NULL);
DROP TABLE event;
ALTER TABLE event_2 RENAME TO event;
CREATE INDEX event_id ON event(substr(id, 1, 6));
CREATE INDEX event_address ON event(address) WHERE address IS NOT NULL;
CREATE TABLE event_span(
  first INTEGER PRIMARY KEY,
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL);
)sql";

constexpr const char* kVersion3 = R"sql(
CREATE TABLE kept(
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL) WITHOUT ROWID;
)sql";

constexpr std::uint32_t kEvents = 1500;

// The finding `number` as version 1 kept it: where the line stands was in the detail.
model::Event old_event(std::uint32_t number) {
  model::Event event = finding(number);
  event.detail = fmt::format(R"({{"at":{},"log":"/var/log/auth.log"}})", number * 100);
  return event;
}

// The same as version 2 and 3 kept it: what is known of the line in columns of its own.
model::Event event_of_2(std::uint32_t number) {
  model::Event event = finding(number);
  if (number % 3 == 0) {
    event.detail = R"({"by":"hand"})";
  } else {
    event.line = model::LineFacts{.log = number % 2 == 0 ? "/var/log/auth.log" : "/var/log/caddy",
                                  .at = std::uint64_t{number} * 100,
                                  .pattern = number % 5,
                                  .attempts = 1 + number % 4,
                                  .user = number % 7 == 0 ? "" : fmt::format("u{}", number)};
  }
  return event;
}

// What the store holds beside events.
const std::vector<model::Ban>& running_bans() {
  static const std::vector<model::Ban> bans{
      {.jail = "sshd",
       .address = net::Prefix(net::IpAddress::v4(0xC0000205U)),
       .start = testing::ManualClock().now(),
       .end = testing::ManualClock().now() + std::chrono::hours(24 * 3650),
       .count = 3,
       .reason = "5 findings in 10m"},
      {.jail = "caddy-auth",
       .address = net::Prefix::parse("2001:db8:1::/64").value(),
       .start = testing::ManualClock().now(),
       .end = std::nullopt,
       .count = 1,
       .reason = "by hand"}};
  return bans;
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
    run(database, "BEGIN");
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
                      static_cast<int>(event.severity), i % 2 == 0 ? 1 : 2, address_of(event),
                      event.message, event.detail, util::to_hex(leaf)));
    }
    run(database, fmt::format("UPDATE tree SET size = {}, peaks = x'{}'", kEvents,
                              util::to_hex(util::as_bytes(tree.serialize()))));
    run(database, "COMMIT");
    run(database,
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = 1", store::kApplicationId));
    sqlite3_close(database);
    root = util::to_hex(tree.root());
  }

  // `version` is 2 or 3: they differ by the table of what parts of the agent remember.
  void make_version_2(int version) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    run(database, kVersion1);
    run(database, kVersion2);
    if (version == 3) {
      run(database, kVersion3);
      run(database, "INSERT INTO kept VALUES('monitor/vw', CAST('a baseline' AS BLOB))");
    }
    run(database, "CREATE VIEW bans AS SELECT address, jail AS start FROM ban");
    run(database,
        "INSERT INTO jail(number, name) VALUES(1, 'sshd'), (2, 'caddy-auth');"
        "INSERT INTO log(number, name) VALUES(1, '/var/log/auth.log'), (2, '/var/log/caddy');"
        "INSERT INTO meta VALUES('origin', 'warder/test.example/20261102T120000Z');"
        "INSERT INTO meta VALUES('created', 1793620800000000);"
        "INSERT INTO destination VALUES(1, 'mail', 6, 1);"
        "INSERT INTO outbox VALUES(1, 7, 1, 0, 2, 0, 'refused'), (1, 9, 2, 0, 0, 0, NULL);"
        "INSERT INTO receipt VALUES(1, 5, 1793620800000000, 'accepted as 77');"
        "INSERT INTO position VALUES('file', '/var/log/auth.log', CAST('v1 12 34' AS BLOB));");
    for (const model::Ban& ban : running_bans()) {
      const std::string end = ban.end ? std::to_string(micros(*ban.end)) : "NULL";
      run(database, fmt::format("INSERT INTO ban VALUES(x'{}', {}, {}, {}, {}, '{}')",
                                address_of(ban.address), ban.jail == "sshd" ? 1 : 2,
                                micros(ban.start), end, ban.count, ban.reason));
    }
    const model::Ban& first = running_bans().front();
    run(database,
        fmt::format("INSERT INTO past_ban VALUES(x'{}', 1, {}, {}, 2, 'before', {}, 2)",
                    address_of(first.address), micros(first.start) - 7'200'000'000,
                    micros(first.start) - 3'600'000'000, micros(first.start) - 5'400'000'000));
    run(database, "BEGIN");
    crypto::merkle::Frontier tree;
    std::string entry;
    for (std::uint32_t i = 0; i < kEvents; ++i) {
      const model::Event event = event_of_2(i);
      store::encode_leaf(i, event, &entry);
      const auto leaf = crypto::merkle::leaf_hash(util::as_bytes(entry));
      tree.append(leaf);
      const std::string line =
          event.line
              ? fmt::format("{}, {}, {}, {}, {}", event.line->log == "/var/log/caddy" ? 2 : 1,
                            event.line->at, event.line->pattern, event.line->attempts,
                            event.line->user.empty() ? "NULL" : "'" + event.line->user + "'")
              : "NULL, NULL, NULL, NULL, NULL";
      run(database,
          fmt::format("INSERT INTO event VALUES({}, x'{}', {}, 1, {}, {}, x'{}', {}, '{}', {}, "
                      "substr(x'{}', 1, 8))",
                      i, util::to_hex(event.id.bytes), micros(event.time),
                      static_cast<int>(event.severity), i % 2 == 0 ? 1 : 2, address_of(event), line,
                      event.message, event.detail.empty() ? "NULL" : "'" + event.detail + "'",
                      util::to_hex(leaf)));
    }
    run(database,
        "INSERT INTO event_span SELECT sequence / 1024 * 1024 AS first, min(time), max(time) FROM "
        "event GROUP BY first");
    run(database, fmt::format("UPDATE tree SET size = {}, peaks = x'{}'", kEvents,
                              util::to_hex(util::as_bytes(tree.serialize()))));
    run(database, "COMMIT");
    run(database, fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                              store::kApplicationId, version));
    sqlite3_close(database);
    root = util::to_hex(tree.root());
  }

  static std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }
  static std::string address_of(const model::Event& event) {
    return event.address ? address_of(*event.address) : std::string();
  }
  static std::string address_of(const net::Prefix& address) {
    return util::to_hex(util::as_bytes(store::encode_address(address)));
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

  // What verify() finds, in one line; nothing when all is good.
  std::string faults() const {
    std::string all;
    for (const auto& fault : verify().faults) {
      all += fault.text + ";";
    }
    return all;
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

TEST_CASE("databases of versions 2 and 3 are read on with all that they hold") {
  const int version = GENERATE(2, 3);
  CAPTURE(version);
  Fixture fixture;
  fixture.make_version_2(version);
  fixture.open();

  const auto events = fixture.events({.limit = 10'000});
  REQUIRE(events.size() == kEvents);
  for (std::uint32_t i = 0; i < kEvents; ++i) {
    const model::Event wanted = event_of_2(i);
    const model::Event& found = events[i].event;
    CHECK(found.id == wanted.id);
    CHECK(found.time == wanted.time);
    CHECK(found.jail == wanted.jail);
    CHECK(found.address == wanted.address);
    CHECK(found.message == wanted.message);
    CHECK(found.line == wanted.line);
    CHECK(found.detail == wanted.detail);
  }
  auto reader = fixture.reader();
  std::vector<model::Ban> bans;
  REQUIRE(reader.active_bans(fixture.clock.now(), [&](const model::Ban& ban) {
    bans.push_back(ban);
    return true;
  }));
  CHECK_THAT(bans, Catch::Matchers::UnorderedEquals(running_bans()));
  const auto history = reader.address(running_bans().front().address.address(), 10);
  REQUIRE(history);
  REQUIRE(history->past.size() == 1);
  CHECK(history->past[0].ban.reason == "before");
  CHECK(history->past[0].ban.count == 2);
  CHECK(history->past[0].ended == running_bans().front().start - std::chrono::minutes(90));
  CHECK(history->past[0].how == store::BanEnd::kLifted);
  const auto positions = reader.positions();
  REQUIRE(positions);
  REQUIRE(positions->size() == 1);
  CHECK(positions->front().source == "file");
  CHECK(positions->front().log == "/var/log/auth.log");
  CHECK(positions->front().record == "v1 12 34");
  CHECK(reader.kept("monitor/vw").value() ==
        (version == 3 ? std::optional<std::string>("a baseline") : std::nullopt));
  CHECK(reader.figures()->origin == "warder/test.example/20261102T120000Z");
  const auto items = reader.outbox_from(store::DestinationId{1}, 0, 10);
  REQUIRE(items);
  REQUIRE(items->size() == 2);
  CHECK((*items)[0].sequence == 7);
  CHECK((*items)[0].attempts == 2);
  CHECK((*items)[1].sequence == 9);
  CHECK(reader.incidents(store::Reader::Which::kOpen, 10)->empty());
  CHECK(reader.incidents(store::Reader::Which::kEnded, 10)->empty());
  CHECK(fixture.faults() == "");
  CHECK(fixture.verify().root == fixture.root);

  // What is new goes on behind it, also in what later versions added.
  fixture.put_findings(kEvents, 2);
  store::Batch batch;
  batch.kept.push_back({"monitor/db", "another"});
  fixture.put(std::move(batch));
  fixture.close();
  fixture.open();
  CHECK(fixture.events({.limit = 10'000}).size() == kEvents + 2);
  CHECK(fixture.reader().kept("monitor/db").value() == "another");
  CHECK(fixture.faults() == "");
}
