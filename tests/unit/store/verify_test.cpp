#include "store/verify.h"

#include "model/witness.h"
#include "store/reader.h"
#include "store_support.h"

#include <sqlite3.h>

#include <filesystem>
#include <utility>

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;
using testing::kLongEnough;

namespace {

struct Fixture : testing::StoreFixture {
  Fixture() {
    hooks.checkpoint = [this](const std::string& note) { notes.push_back(note); };
  }
  void checkpoint() { REQUIRE(store->wait(store->make_checkpoint(), kLongEnough)); }
  void maintain() { REQUIRE(store->wait(store->maintain(), kLongEnough)); }
  // Ten findings, a checkpoint, ten more, a checkpoint, closed.
  void fill() {
    open();
    put_findings(0, 10);
    checkpoint();
    put_findings(10, 10);
    close();
  }
  // What an intruder does.
  void edit(const std::string& sql) const {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    char* error = nullptr;
    sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error);
    const std::string text = error == nullptr ? "" : error;
    sqlite3_free(error);
    sqlite3_close(database);
    REQUIRE(text == "");
  }
  std::string origin() const { return reader().figures().value().origin; }
  // Before anything is written: the name of another history, as who has its database can take it.
  void take_name_of(const Fixture& other) {
    open();
    close();
    edit("UPDATE meta SET value = '" + other.origin() + "' WHERE name = 'origin'");
  }
  store::VerifyReport verify(std::optional<std::string> against = std::nullopt,
                             std::uint8_t key = 7) const {
    std::vector<store::VerifyOptions::Outside> outside;
    if (against) {
      outside.push_back({"the checkpoint kept outside", std::move(*against)});
    }
    return verify_against(std::move(outside), key);
  }
  store::VerifyReport verify_against(std::vector<store::VerifyOptions::Outside> outside,
                                     std::uint8_t key = 7) const {
    const auto report = store::verify(
        options.path,
        {.key = testing::secret_key(key).public_key(), .against = std::move(outside), .vfs = {}});
    if (!report) {
      FAIL(report.error().message());
    }
    return *report;
  }
  static std::vector<std::string> texts(const store::VerifyReport& report) {
    std::vector<std::string> all;
    for (const auto& fault : report.faults) {
      all.push_back(std::string(store::to_string(fault.kind)) + ": " + fault.text);
    }
    return all;
  }
  std::vector<std::string> faults(std::optional<std::string> against = std::nullopt) const {
    return texts(verify(std::move(against)));
  }

  std::vector<std::string> notes;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an honest history verifies, against every checkpoint it gave out") {
  Fixture fixture;
  fixture.fill();
  REQUIRE(fixture.notes.size() == 2);
  for (const auto& note : fixture.notes) {
    CHECK(fixture.faults(note) == Texts{});
  }
  const auto report = fixture.verify();
  CHECK(report.size == 20);
  CHECK(report.events_checked == 20);
  CHECK(report.checkpoints_checked == 2);
  CHECK(report.to_text() == "log " + fixture.origin() + ": 20 events, root " + report.root +
                                "\nchecked: 20 events, 2 checkpoints here, 0 from outside, "
                                "signatures included\n"
                                "the history is as it was written\n");
}

TEST_CASE("an edited row is named") {
  Fixture fixture;
  fixture.fill();
  const char* const edits[] = {
      "UPDATE event SET message = 'nothing' WHERE sequence = 13",
      "UPDATE event SET time = time + 1 WHERE sequence = 13",
      "UPDATE event SET severity = 0 WHERE sequence = 13",
      "UPDATE event SET kind = 2 WHERE sequence = 13",
      "UPDATE event SET jail = NULL WHERE sequence = 13",
      "UPDATE event SET address = x'01020304' WHERE sequence = 13",
      "UPDATE event SET detail = '{}' WHERE sequence = 13",
      "UPDATE event SET id = x'00112233445566778899aabbccddeeff' WHERE sequence = 13",
  };
  const std::string good = fixture.folder.read("warder.db");
  for (const char* edit : edits) {
    fixture.folder.write("warder.db", good);
    fixture.edit(edit);
    CHECK(fixture.faults() == Texts{"changed: event 13 was changed after it was stored"});
  }
}

TEST_CASE("a value that reads as what was hashed and compares as something else is named") {
  Fixture fixture;
  fixture.fill();
  const std::string good = fixture.folder.read("warder.db");
  for (const char* edit : {"UPDATE event SET time = time || 'x' WHERE sequence = 13",
                           "UPDATE event SET id = CAST(id AS TEXT) WHERE sequence = 13",
                           "UPDATE event SET message = CAST(message AS BLOB) WHERE sequence = 13",
                           "UPDATE event SET address = CAST(address AS TEXT) WHERE sequence = 13",
                           "UPDATE event SET detail = x'' WHERE sequence = 13"}) {
    fixture.folder.write("warder.db", good);
    fixture.edit(edit);
    CHECK(fixture.faults() ==
          Texts{"changed: event 13 holds a value of a type that the agent does not write"});
  }
}

TEST_CASE("what decides how the history is shown is checked, too") {
  const std::pair<const char*, const char*> edits[] = {
      {"CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END",
       "schema: there is a trigger, t: the agent makes none; DROP TRIGGER removes it"},
      {"DROP VIEW events; CREATE VIEW events AS SELECT 1 AS sequence",
       "schema: the view events is not the agent's"},
      {"DROP VIEW bans", "schema: the view bans is missing"},
      {"DROP INDEX event_address", "schema: the index event_address is missing"},
      {"UPDATE kind SET name = 'ban' WHERE number = 1",
       "schema: the kind 1 is called \"ban\" instead of \"finding\""},
      {"UPDATE severity SET name = 'info' WHERE number = 4",
       "schema: the severity 4 is called \"info\" instead of \"critical\""},
      {"UPDATE event_span SET latest = earliest - 1",
       "changed: the events from 0 on are left out when a time is asked for: their row in "
       "event_span was changed"},
      {"DELETE FROM event_span",
       "changed: the events from 0 on are left out when a time is asked for: their row in "
       "event_span was changed"},
  };
  Fixture fixture;
  fixture.fill();
  const std::string good = fixture.folder.read("warder.db");
  for (const auto& [edit, told] : edits) {
    fixture.folder.write("warder.db", good);
    fixture.edit(edit);
    CHECK(fixture.faults() == Texts{told});
  }
  fixture.folder.write("warder.db", good);
  fixture.edit("CREATE VIEW mine AS SELECT count(*) FROM event");
  CHECK(fixture.faults() == Texts{});
  CHECK(fixture.verify().remarks == Texts{"the view mine is not the agent's"});
}

TEST_CASE("a hostile schema does nothing to the agent, which makes views and names anew") {
  Fixture fixture;
  fixture.fill();
  fixture.edit(
      "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; DELETE FROM ban; END;"
      "DROP VIEW events; CREATE VIEW events AS SELECT * FROM event WHERE 0; DROP VIEW bans;"
      "UPDATE kind SET name = 'ban' WHERE number = 1");
  fixture.open();
  fixture.put_findings(20, 1);
  fixture.close();
  CHECK(fixture.events().size() == 21);
  CHECK(fixture.faults() ==
        Texts{"schema: there is a trigger, t: the agent makes none; DROP TRIGGER removes it"});
}

TEST_CASE("no column that the history rests on can be edited unnoticed") {
  Fixture fixture;
  fixture.fill();
  const std::string good = fixture.folder.read("warder.db");
  for (const char* edit :
       {"UPDATE tree SET size = size - 1", "UPDATE tree SET size = -1",
        "UPDATE tree SET pruned = 3", "UPDATE tree SET peaks = zeroblob(length(peaks))",
        "UPDATE tree SET peaks = x''", "DELETE FROM tree",
        "UPDATE checkpoint SET size = size + 1 WHERE size = 10",
        "UPDATE checkpoint SET note = replace(note, '10', '11') WHERE size = 10",
        "UPDATE checkpoint SET note = '' WHERE size = 10",
        "INSERT INTO pruned VALUES(0, 3, zeroblob(32)); UPDATE tree SET pruned = 8",
        "UPDATE jail SET name = 'other' WHERE name = 'sshd'",
        "UPDATE jail SET number = number + 10", "DELETE FROM jail",
        "UPDATE event SET sequence = 100 WHERE sequence = 19",
        "UPDATE event SET leaf = zeroblob(8) WHERE sequence = 2",
        "UPDATE event SET log = 1, at = 0, pattern = 0, attempts = 1, user = '' WHERE sequence = 2;"
        "INSERT OR IGNORE INTO log VALUES(1, 'x')",
        "UPDATE meta SET value = 'warder/another' WHERE name = 'origin'"}) {
    fixture.folder.write("warder.db", good);
    fixture.edit(edit);
    CAPTURE(edit);
    CHECK_FALSE(fixture.verify().good());
  }
  // All checkpoints gone: only one that is kept outside can show more.
  fixture.folder.write("warder.db", good);
  fixture.edit("DELETE FROM checkpoint");
  CHECK(fixture.verify().good());
  CHECK(fixture.verify().checkpoints_checked == 0);
}

TEST_CASE("a row edited together with its leaf hash is narrowed down by the checkpoints") {
  Fixture fixture;
  fixture.fill();
  // The leaf check of event 13 as an intruder would compute it: that of the edited event. Any other
  // bytes would be found at once, so the honest leaf of a store that held the edited event is used.
  Fixture forged;
  forged.open();
  store::Batch batch;
  for (std::uint32_t i = 0; i < 20; ++i) {
    batch.events.push_back(finding(i));
  }
  batch.events[13].message = "nothing";
  forged.put(std::move(batch));
  forged.close();
  fixture.edit("ATTACH '" + forged.options.path.string() +
               "' AS f; UPDATE event SET message = 'nothing', leaf = (SELECT leaf FROM f.event "
               "WHERE sequence = 13) WHERE sequence = 13");
  const auto report = fixture.verify();
  REQUIRE(report.faults.size() == 1);
  CHECK(report.faults[0].kind == store::FaultKind::kRoot);
  CHECK(report.faults[0].first == 10);
  CHECK(report.faults[0].last == 19);
  CHECK(report.faults[0].text ==
        "the events 10 to 19 do not give the root of the stored checkpoint at 20");
}

TEST_CASE("removed, added and exchanged rows are named") {
  Fixture fixture;
  fixture.fill();
  const std::string good = fixture.folder.read("warder.db");
  const auto after = [&](const std::string& sql) {
    fixture.folder.write("warder.db", good);
    fixture.edit(sql);
    return fixture.faults();
  };
  CHECK(after("DELETE FROM event WHERE sequence = 4") == Texts{"missing: event 4 is missing"});
  CHECK(after("DELETE FROM event WHERE sequence IN (4, 5, 6)") ==
        Texts{"missing: the events 4 to 6 are missing"});
  CHECK(after("DELETE FROM event WHERE sequence > 16") ==
        Texts{"missing: the last events, 17 to 19, are missing"});
  CHECK(after("INSERT INTO event SELECT 20, x'00112233445566778899aabbccddeeff', time, kind, "
              "severity, jail, address, log, at, pattern, attempts, user, message, detail, leaf "
              "FROM event WHERE sequence = 3") ==
        Texts{"inserted: event 20 has no place in a history of the events 0 to 20"});
  CHECK(after("UPDATE event SET sequence = 100 WHERE sequence = 3;"
              "UPDATE event SET sequence = 3 WHERE sequence = 4;"
              "UPDATE event SET sequence = 4 WHERE sequence = 100") ==
        Texts{"changed: event 3 was changed after it was stored",
              "changed: event 4 was changed after it was stored"});
}

TEST_CASE("a cut tail and a rolled-back database show against an outside checkpoint") {
  Fixture fixture;
  fixture.open();
  fixture.put_findings(0, 10);
  fixture.close();
  const std::string last_week = fixture.folder.read("warder.db");
  fixture.open();
  fixture.put_findings(10, 10);
  fixture.close();
  const std::string outside = fixture.notes.back();
  fixture.folder.write("warder.db", last_week);
  CHECK(fixture.faults() == Texts{});
  const auto report = fixture.verify(outside);
  CHECK(
      Fixture::texts(report) ==
      Texts{"tail: the history ends at 10, the checkpoint kept outside is at 20: its tail was cut "
            "or the database was put back to an earlier state"});
  CHECK(report.faults[0].first == 10);
  // Cut with care inside, the stored checkpoint tells.
  Fixture cut;
  cut.fill();
  Fixture shorter;
  shorter.open();
  shorter.put_findings(0, 10);
  shorter.close();
  cut.edit("ATTACH '" + shorter.options.path.string() +
           "' AS s; DELETE FROM event WHERE sequence >= 10; "
           "UPDATE tree SET size = 10, peaks = (SELECT peaks FROM s.tree)");
  CHECK(cut.faults() == Texts{"tail: the history ends at 10, but there is a checkpoint at 20"});
}

TEST_CASE("another history of the same length shows against an outside checkpoint") {
  Fixture fixture;
  fixture.fill();
  Fixture other;
  other.take_name_of(fixture);
  other.open();
  other.put_findings(100, 20);
  other.close();
  CHECK(
      other.faults(fixture.notes.back()) ==
      Texts{"root: the events 0 to 19 do not give the root of the checkpoint kept outside at 20"});
}

TEST_CASE("a checkpoint signed by another key is refused, inside and outside") {
  Fixture fixture;
  fixture.fill();
  CHECK(Fixture::texts(fixture.verify(std::nullopt, 8)) ==
        Texts{"checkpoint: the stored checkpoint at 10: the checkpoint is not signed by this key",
              "checkpoint: the stored checkpoint at 20: the checkpoint is not signed by this key"});
  Fixture forged;
  forged.fill();
  CHECK(Fixture::texts(fixture.verify("not a note")) ==
        Texts{"checkpoint: the checkpoint kept outside: no checkpoint: an empty line and signature "
              "lines must end it"});
}

TEST_CASE("a checkpoint of another log is told apart") {
  Fixture fixture;
  fixture.fill();
  Fixture other;
  other.options.origin = "warder/other.example";
  other.fill();
  CHECK(fixture.faults(other.notes.back()) ==
        Texts{"checkpoint: the checkpoint kept outside is of " + other.origin() +
              ", this history is " + fixture.origin()});
}

TEST_CASE("a pruned history verifies against every earlier checkpoint") {
  for (const std::uint64_t kept : {1U, 7U, 64U, 100U}) {
    Fixture fixture;
    fixture.options.retention_events = kept;
    fixture.open();
    std::uint32_t number = 0;
    for (const std::uint32_t count : {1U, 2U, 13U, 64U, 5U, 128U, 37U}) {
      fixture.put_findings(number, count);
      number += count;
      fixture.checkpoint();
      if (count % 2 == 1) {
        fixture.maintain();
      }
    }
    fixture.maintain();
    fixture.close();
    for (const auto& note : fixture.notes) {
      CHECK(fixture.faults(note) == Texts{});
    }
    const auto report = fixture.verify();
    // Retention reports itself after it has counted.
    CHECK(report.first_kept >= number - kept);
    CHECK(report.events_checked == report.size - report.first_kept);
  }
}

TEST_CASE("an edited remainder of the pruned part shows") {
  Fixture fixture;
  fixture.options.retention_events = 5;
  fixture.fill();
  fixture.open();
  fixture.maintain();
  fixture.close();
  const std::string good = fixture.folder.read("warder.db");
  fixture.edit("UPDATE pruned SET hash = zeroblob(32) WHERE first = 8");
  CHECK(fixture.faults() ==
        Texts{"root: the events 0 to 9 do not give the root of the stored checkpoint at 10"});
  fixture.folder.write("warder.db", good);
  fixture.edit("DELETE FROM pruned WHERE first >= 8");
  CHECK(fixture.faults() == Texts{"missing: the hashes of the pruned events 8 to 14 are missing"});
}

TEST_CASE("the report as JSON") {
  Fixture fixture;
  fixture.fill();
  fixture.edit("DELETE FROM event WHERE sequence = 4");
  const auto report = fixture.verify();
  CHECK(report.to_json() ==
        R"({"good":false,"origin":")" + fixture.origin() +
            R"(","size":20,"first_kept":0,"root":")" + report.root +
            R"(","events_checked":19,"checkpoints_checked":2,"outside_checked":0,)"
            R"("signatures_checked":true,)"
            R"("faults":[{"kind":"missing","first":4,"last":4,"text":"event 4 is missing"}],)"
            R"("more_faults":0,"remarks":[]})");
}

TEST_CASE("a database put in another's place is told, although both began in one second") {
  Fixture fixture;
  fixture.fill();
  const std::string witness = fixture.notes.back();
  const std::string first = fixture.origin();
  for (const char* end : {"", "-wal", "-shm"}) {
    std::filesystem::remove(fixture.options.path.string() + end);
  }
  fixture.fill();
  const std::string second = fixture.origin();
  CHECK(second != first);
  CHECK(second.size() == first.size());
  CHECK(fixture.faults(witness) == Texts{"checkpoint: the checkpoint kept outside is of " + first +
                                         ", this history is " + second});
}

TEST_CASE(
    "of many witnesses the last that is right and the first that is wrong enclose the fault") {
  Fixture fixture;
  fixture.open();
  std::vector<store::VerifyOptions::Outside> witnesses;
  for (std::uint32_t i = 0; i < 5; ++i) {
    fixture.put_findings(i * 10, 10);
    fixture.checkpoint();
    witnesses.push_back({"vault " + std::to_string(i), fixture.notes.back()});
  }
  fixture.close();
  CHECK(Fixture::texts(fixture.verify_against(witnesses)) == Texts{});
  CHECK(fixture.verify_against(witnesses).outside_checked == 5);
  // Another who has the key writes another history of the same name, with checkpoints of its own.
  Fixture forged;
  forged.take_name_of(fixture);
  forged.open();
  forged.put_findings(0, 20);
  forged.put_findings(900, 30);
  forged.close();
  const auto report = forged.verify_against(witnesses);
  CHECK(Fixture::texts(report) ==
        Texts{"root: the events 20 to 29 do not give the root of vault 2 at 30"});
  CHECK(report.faults[0].first == 20);
  CHECK(report.faults[0].last == 29);
}

TEST_CASE("witnesses of an earlier database are remarked, and a fault when they are all there is") {
  Fixture old;
  old.options.origin = "warder/old.example";
  old.fill();
  Fixture fixture;
  fixture.fill();
  const store::VerifyOptions::Outside before{"vault a", old.notes.back()};
  const store::VerifyOptions::Outside now{"vault b", fixture.notes.back()};
  const std::string text =
      "vault a is of " + old.origin() + ", this history is " + fixture.origin();
  const auto both = fixture.verify_against({before, now});
  CHECK(both.good());
  CHECK(both.remarks == std::vector<std::string>{text});
  CHECK(Fixture::texts(fixture.verify_against({before})) == Texts{"checkpoint: " + text});
}

TEST_CASE("a checkpoint goes to who witnesses, as an event right behind what it covers") {
  Fixture fixture;
  std::optional<store::DestinationId> taker;
  fixture.hooks.route = [&](const model::Event& event) {
    std::vector<store::DestinationId> to;
    if (taker && model::is_witness(event)) {
      to.push_back(*taker);
    }
    return to;
  };
  fixture.open();
  taker = *fixture.store->destination("vault");
  fixture.put_findings(0, 10);
  fixture.checkpoint();
  auto reader = store::Reader::open(fixture.options.path);
  REQUIRE(reader);
  const auto waiting = [&] {
    auto items = reader->outbox_from(*taker, 0, 10);
    REQUIRE(items);
    return *items;
  };
  REQUIRE(waiting().size() == 1);
  const auto item = waiting().front();
  CHECK(item.sequence == 10);
  const auto witness = model::read_witness(item.event);
  REQUIRE(witness);
  CHECK(witness->size == 10);
  CHECK(witness->note == fixture.notes.back());
  // Its own event is no reason for the next one, also after a restart.
  fixture.checkpoint();
  fixture.close();
  CHECK(fixture.notes.size() == 1);
  fixture.open();
  fixture.checkpoint();
  CHECK(fixture.notes.size() == 1);
  fixture.put_findings(10, 1);
  fixture.checkpoint();
  CHECK(fixture.notes.size() == 2);
  CHECK(waiting().size() == 2);
  fixture.close();
  CHECK(fixture.faults(witness->note) == Texts{});
}
