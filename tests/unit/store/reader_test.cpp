#include "store/reader.h"

#include "store_support.h"

#include <cstdio>

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;

using Fixture = testing::StoreFixture;

namespace {

std::vector<std::uint64_t> sequences(Fixture& fixture, const store::EventFilter& filter) {
  std::vector<std::uint64_t> all;
  auto reader = fixture.reader();
  REQUIRE(reader.events(filter, [&](const store::StoredEvent& event) {
    all.push_back(event.sequence);
    return true;
  }));
  return all;
}

using Sequences = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("events are found by each of their properties") {
  Fixture fixture;
  fixture.open();
  store::Batch batch;
  for (std::uint32_t i = 0; i < 6; ++i) {
    batch.events.push_back(finding(i));
  }
  batch.events[3].address = *net::Prefix::parse("198.51.100.0/24");
  batch.events[4].address = *net::Prefix::parse("2001:db8::7");
  batch.events[5].address = std::nullopt;
  batch.events[5].kind = model::EventKind::kAgent;
  batch.events[5].severity = model::Severity::kCritical;
  fixture.put(std::move(batch));
  const auto start = finding(0).time;
  CHECK(sequences(fixture, {}) == Sequences{5, 4, 3, 2, 1, 0});
  CHECK(sequences(fixture, {.limit = 2}) == Sequences{5, 4});
  CHECK(sequences(fixture, {.since = start + 4s}) == Sequences{5, 4});
  CHECK(sequences(fixture, {.until = start + 2s}) == Sequences{1, 0});
  CHECK(sequences(fixture, {.jail = "sshd"}) == Sequences{4, 2, 0});
  CHECK(sequences(fixture, {.jail = "none' OR 1"}).empty());
  CHECK(sequences(fixture, {.within = *net::Prefix::parse("192.0.2.0/31")}) == Sequences{1, 0});
  CHECK(sequences(fixture, {.within = *net::Prefix::parse("198.51.0.0/16")}) == Sequences{3});
  CHECK(sequences(fixture, {.within = *net::Prefix::parse("0.0.0.0/0")}) == Sequences{3, 2, 1, 0});
  CHECK(sequences(fixture, {.within = *net::Prefix::parse("::/0")}) == Sequences{4});
  CHECK(sequences(fixture, {.kind = model::EventKind::kAgent}) == Sequences{5});
  CHECK(sequences(fixture, {.least = model::Severity::kHigh}) == Sequences{5});
  CHECK(sequences(fixture, {.after = 3, .order = store::EventFilter::Order::kOldestFirst}) ==
        Sequences{4, 5});
}

TEST_CASE("events of a stretch of time are found however they came") {
  Fixture fixture;
  fixture.open();
  // Three spans of 1,024: the first old and new in turn, the second old, the third new.
  const auto number = [](std::uint32_t i) {
    return i < 1024 ? (i % 2 == 0 ? i : 10'000 + i) : i < 2048 ? i : 10'000 + i;
  };
  store::Batch batch;
  for (std::uint32_t i = 0; i < 2100; ++i) {
    batch.events.push_back(finding(number(i)));
  }
  fixture.put(std::move(batch));
  const auto expected = [&](std::uint32_t from, std::uint32_t until) {
    Sequences wanted;
    for (std::uint32_t i = 2100; i-- > 0;) {
      if (number(i) >= from && number(i) < until) {
        wanted.push_back(i);
      }
    }
    return wanted;
  };
  const auto found = [&](std::uint32_t from, std::uint32_t until) {
    return sequences(fixture,
                     {.since = finding(from).time, .until = finding(until).time, .limit = 10'000});
  };
  for (const auto& [from, until] : {std::pair{0U, 20'000U},
                                    {0U, 1U},
                                    {1'000U, 1'100U},
                                    {10'000U, 20'000U},
                                    {12'050U, 12'051U},
                                    {2'047U, 10'002U}}) {
    CHECK(found(from, until) == expected(from, until));
  }
  CHECK(found(13'000, 20'000).empty());
  fixture.close();
  fixture.open();
  fixture.put_findings(500'000, 1);
  CHECK(found(500'000, 500'001) == Sequences{2100});
}

TEST_CASE("bans that are over are not active, and a callback can stop") {
  Fixture fixture;
  fixture.open();
  const auto now = fixture.clock.now();
  store::Batch batch;
  for (std::uint32_t i = 0; i < 10; ++i) {
    model::Ban ban{.jail = "sshd",
                   .address = net::Prefix(net::IpAddress::v4(0xC0000200U + i)),
                   .start = now,
                   .end = std::nullopt,
                   .count = i,
                   .reason = "r"};
    if (i > 0) {
      ban.end = now + std::chrono::minutes(i);
    }
    batch.bans.push_back({.ban = ban});
  }
  fixture.put(std::move(batch));
  const auto count = [&](util::WallTime at, int most) {
    int seen = 0;
    auto reader = fixture.reader();
    REQUIRE(reader.active_bans(at, [&](const model::Ban&) { return ++seen < most; }));
    return seen;
  };
  CHECK(count(now, 100) == 10);
  CHECK(count(now + 5min, 100) == 5);
  CHECK(count(now + 1h, 100) == 1);
  CHECK(count(now, 3) == 3);

  std::uint32_t most = 0;
  int offenders = 0;
  auto reader = fixture.reader();
  REQUIRE(reader.offenders(now, [&](const store::Offender& offender) {
    most = std::max(most, offender.count);
    ++offenders;
    return true;
  }));
  CHECK(offenders == 10);
  CHECK(most == 9);
}

TEST_CASE("an address is explained with the prefixes that hold it") {
  Fixture fixture;
  fixture.open();
  store::Batch batch;
  batch.events = {finding(1), finding(2), finding(201)};  // 192.0.2.1, .2, .1
  batch.events.push_back(finding(7));
  batch.events.back().address = *net::Prefix::parse("192.0.2.0/24");
  batch.events.back().kind = model::EventKind::kBan;
  fixture.put(std::move(batch));
  const auto history = fixture.reader().address(*net::IpAddress::parse("192.0.2.1"), 2);
  REQUIRE(history);
  CHECK(history->events == 3);
  CHECK(history->findings == 2);
  CHECK(history->first == finding(1).time);
  CHECK(history->last == finding(201).time);
  REQUIRE(history->recent.size() == 2);
  CHECK(history->recent[0].sequence == 3);
}

TEST_CASE("when something was written last, as far as the agent itself knows") {
  Fixture fixture;
  fixture.open();
  CHECK(*fixture.reader().last_written() == std::nullopt);
  fixture.put_findings(0, 3);
  store::Batch batch;
  batch.events.push_back(finding(60));  // of a log whose clock is ahead
  batch.events.back().line.emplace().log = "/var/log/auth.log";
  fixture.put(std::move(batch));
  CHECK(**fixture.reader().last_written() == finding(2).time);
}

TEST_CASE("figures") {
  Fixture fixture;
  fixture.open();
  fixture.put_findings(0, 3);
  REQUIRE(fixture.store->wait(fixture.store->make_checkpoint(), testing::kLongEnough));
  const auto figures = fixture.reader().figures();
  REQUIRE(figures);
  CHECK_THAT(figures->origin,
             Catch::Matchers::Matches("warder/test\\.example/20261102T120000Z-[0-9a-f]{8}"));
  CHECK(figures->created == fixture.clock.now());
  CHECK(figures->tree_size == 3);
  CHECK(figures->first_kept == 0);
  CHECK(figures->checkpoint_size == 3);
  CHECK(figures->checkpoint_time == fixture.clock.now());
  CHECK(figures->database.value > 0);
}

TEST_CASE("the JSON form of an event") {
  model::Event event = finding(1);
  event.id = {};
  event.detail = R"({"user":"root"})";
  CHECK(store::to_json({7, event}) ==
        R"({"sequence":7,"id":"00000000000000000000000000000000","time":"2026-11-02T12:00:01Z",)"
        R"("kind":"finding","severity":"notice","jail":"caddy-auth","address":"192.0.2.1",)"
        R"("message":"finding 1","detail":{"user":"root"}})");
  event.line = model::LineFacts{.log = "/var/log/auth.log", .at = 7, .pattern = 2, .user = "root"};
  CHECK(
      store::to_json({7, event})
          .ends_with(R"("detail":{"at":7,"log":"/var/log/auth.log","pattern":2,"user":"root"}})"));
  event.line.reset();
  event.jail.clear();
  event.address.reset();
  event.message = "bad \xff byte";
  event.detail = "no json";
  CHECK(store::to_json({7, event}) ==
        "{\"sequence\":7,\"id\":\"00000000000000000000000000000000\",\"time\":"
        "\"2026-11-02T12:00:01Z\",\"kind\":\"finding\",\"severity\":\"notice\",\"message\":\"bad "
        "\xef\xbf\xbd byte\",\"detail\":\"no json\"}");
}

TEST_CASE("the view shows what is known of a line as the JSON form does") {
  Fixture fixture;
  fixture.open();
  store::Batch batch;
  batch.events = {finding(0), finding(1), finding(2)};
  batch.events[0].line = {.log = R"(/var/log/a"b\\c.log)",
                          .at = 4711,
                          .pattern = 2,
                          .attempts = 6,
                          .user = R"(O"Brien\\)"};
  batch.events[1].line = {.log = "/var/log/auth.log", .user = {}};
  batch.events[2].detail = R"({"count":3})";
  fixture.put(std::move(batch));
  const auto events = fixture.events();
  std::vector<std::string> shown;
  REQUIRE(fixture.reader().query("SELECT detail FROM events ORDER BY sequence", 5s,
                                 [&](const auto& row) {
                                   shown.push_back(row[0]);
                                   return true;
                                 }));
  REQUIRE(shown.size() == 4);
  for (std::size_t i = 0; i < events.size(); ++i) {
    CHECK(shown[i + 1] == model::detail_text(events[i].event));
  }
  CHECK(shown[2] == R"({"at":0,"log":"/var/log/auth.log"})");
}

TEST_CASE("an operator's statement may read and nothing else") {
  Fixture fixture;
  fixture.open();
  fixture.put_findings(0, 3);
  auto reader = fixture.reader();
  const auto run = [&](const char* sql) {
    return reader.query(sql, 100ms, [](const auto&) { return true; });
  };
  CHECK(run("SELECT count(*) FROM events"));
  for (const char* sql : {"DELETE FROM event", "ATTACH '/etc/passwd' AS x", "PRAGMA user_version=9",
                          "UPDATE event SET message=''", ""}) {
    CHECK_FALSE(run(sql));
  }
  for (const char* sql : {"SELECT 1;", " SELECT 1 ; ;-- and no more", "SELECT 1 /* ; SELECT 2 */",
                          "SELECT ';'", "-- first\nSELECT 1"}) {
    INFO(sql);
    CHECK(run(sql));
  }
  for (const char* sql : {"SELECT 1; SELECT 2", "SELECT 1;; DELETE FROM event",
                          "SELECT 1; nonsense", "SELECT 1;/* */ SELECT 2"}) {
    INFO(sql);
    const auto two = run(sql);
    REQUIRE_FALSE(two);
    CHECK(two.error().code() == util::ErrorCode::kInvalid);
    CHECK(two.error().message() == "there is more than one SQL statement; give each by itself");
  }
  const auto wrong = run("SELECT missing FROM events");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == util::ErrorCode::kInvalid);
  CHECK(wrong.error().message() == "SQL logic error: no such column: missing (SQLite 1)");
  const auto endless =
      run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n");
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code() == util::ErrorCode::kTimeout);
  CHECK(run("SELECT 1"));
}

TEST_CASE("the views show addresses, names and times as text") {
  Fixture fixture;
  fixture.open();
  const std::vector<std::string> addresses{
      "192.0.2.1",
      "10.0.0.0/8",
      "255.255.255.255",
      "2001:db8::7",
      "2001:db8::/32",
      "::",
      "::1",
      "1::",
      "::/0",
      "2001:0:0:1::2",
      "2001:db8:0:1:1:1:1:1",
      "fe80::a:0:0:1",
      "1:0:0:2::3",
      "1:2:3:4:5:6:7:8",
      "0:1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:0",
      "2001:db8::/64",
      "2001:db8:1::/48",
      "1:0:0:2:0:0:0:3",
      "0.0.0.0",
      "10::20:0:0:1",
      "a:b:c:d:e:f:0:100",
  };
  store::Batch batch;
  for (std::uint32_t i = 0; i < addresses.size(); ++i) {
    batch.events.push_back(finding(i));
    batch.events.back().address = *net::Prefix::parse(addresses[i]);
  }
  batch.bans.push_back({.ban = {.jail = "sshd",
                                .address = *net::Prefix::parse("2001:db8:1::/64"),
                                .start = fixture.clock.now(),
                                .end = std::nullopt,
                                .count = 1,
                                .reason = "5 findings"}});
  std::vector<std::string> expected{"address"};
  for (const auto& event : batch.events) {
    expected.push_back(event.address->to_string());
  }
  fixture.put(std::move(batch));
  auto reader = fixture.reader();
  std::vector<std::string> shown;
  REQUIRE(reader.query("SELECT address FROM events ORDER BY sequence", 5s, [&](const auto& row) {
    shown.push_back(row[0]);
    return true;
  }));
  CHECK(shown == expected);
  std::vector<std::string> row;
  const auto last_row = [&](const char* sql) {
    REQUIRE(reader.query(sql, 5s, [&](const auto& values) {
      row = values;
      return true;
    }));
    return row;
  };
  CHECK(last_row("SELECT sequence, time, kind, severity, jail, address, message, detail FROM "
                 "events WHERE sequence = 1") ==
        std::vector<std::string>{"1", "2026-11-02T12:00:01.000Z", "finding", "notice", "caddy-auth",
                                 "10.0.0.0/8", "finding 1", ""});
  CHECK(last_row("SELECT * FROM bans") == std::vector<std::string>{"sshd", "2001:db8:1::/64",
                                                                   "2026-11-02T12:00:00.000Z",
                                                                   "never", "1", "5 findings"});
}

TEST_CASE("what is no store is refused with what to do") {
  const testing::TemporaryFolder folder;
  const std::string path = (folder / "x.db").string();
  CHECK(store::Reader::open(path).error().message() ==
        path + ": there is no store; has the agent run?");
  folder.write("x.db", "");
  CHECK(store::Reader::open(path).error().message() ==
        path + ": is an empty database; has the agent run with this path?");
  folder.write("x.db", "this is no database at all, only some text that is long enough to be read");
  const auto text = store::Reader::open(path);
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == util::ErrorCode::kInvalid);
}
