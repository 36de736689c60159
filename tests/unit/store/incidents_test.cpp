// Incidents: what belongs together, who is told of it, and who when nobody acknowledges it.
#include "store/incidents.h"

#include "store_support.h"

#include <fmt/core.h>

#include <condition_variable>
#include <mutex>

using namespace warder;
using namespace std::chrono_literals;
using model::EventKind;
using model::Severity;
using store::Incident;
using testing::kLongEnough;
using Which = store::Reader::Which;

namespace {

// Of the event at this place, with nobody to tell it on to.
store::IncidentEntry part(std::size_t event, std::string name) {
  store::IncidentEntry entry;
  entry.event = static_cast<std::uint32_t>(event);
  entry.name = std::move(name);
  return entry;
}

store::IncidentEntry end_of(std::size_t event, std::string name) {
  store::IncidentEntry entry = part(event, std::move(name));
  entry.is_over = true;
  entry.tells_end = true;
  return entry;
}

struct Fixture : testing::StoreFixture {
  std::uint32_t made = 0;
  store::DestinationId ops{};
  store::DestinationId pager{};
  store::DestinationId boss{};
  bool tells_end = true;

  Fixture() {
    open();
    name_destinations();
  }
  void name_destinations() {
    ops = *store->destination("ops");
    pager = *store->destination("pager");
    boss = *store->destination("boss");
  }
  void restart() {
    close();
    open();
  }

  model::Event event(Severity severity, std::string message, EventKind kind = EventKind::kMonitor) {
    model::Event event;
    event.id = testing::event_id(1'000'000 + made++);
    event.kind = kind;
    event.severity = severity;
    event.time = clock.now();
    event.jail = "vaultwarden";
    event.message = std::move(message);
    return event;
  }
  // Told to ops, who hear of it after `heard`; after 15 minutes without an acknowledgement to the
  // pager, twice, after an hour to the boss.
  void happens(std::string name, Severity severity = Severity::kWarning,
               std::string message = "it is bad", std::chrono::hours heard = 0h) {
    store::Batch batch;
    batch.events.push_back(event(severity, std::move(message)));
    batch.outbox.push_back({0, ops});
    batch.incidents.push_back({.event = 0,
                               .name = name,
                               .is_over = false,
                               .tells_end = tells_end,
                               .clock = clock.now() + heard,
                               .escalate = {{pager, 15min, 2}, {boss, 1h, 1}}});
    batch.novelties.push_back({0, std::move(name)});
    put(std::move(batch));
  }
  void ends(std::string name) {
    store::Batch batch;
    batch.events.push_back(event(Severity::kNotice, "good again"));
    batch.incidents.push_back(end_of(0, std::move(name)));
    put(std::move(batch));
  }
  void acknowledge(std::int64_t number, std::string note = {}) {
    store::Batch batch;
    batch.events.push_back(event(Severity::kNotice, "acknowledged", model::EventKind::kIncident));
    batch.acknowledgements.push_back({0, number, "alice", std::move(note)});
    put(std::move(batch));
  }
  // The store does what is due whenever it commits.
  void pass(std::chrono::microseconds time) {
    clock.advance(time);
    put_findings(made++ * 10, 1);
    REQUIRE(store->wait(store->maintain(), kLongEnough));
  }
  std::vector<Incident> open_ones() { return *reader().incidents(Which::kOpen, 2000); }
  std::vector<Incident> ended() { return *reader().incidents(Which::kEnded, 2000); }
  std::vector<model::OutboxItem> items(store::DestinationId destination) {
    return *reader().outbox_from(destination, 0, 5000);
  }
  std::vector<std::string> waiting(store::DestinationId destination) {
    std::vector<std::string> messages;
    for (const auto& item : items(destination)) {
      messages.push_back(item.event.message);
    }
    return messages;
  }
};

using Texts = std::vector<std::string>;

std::string told(const Incident& incident) {
  std::string text;
  for (const Incident::Told& one : incident.told) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.destination, one.times);
  }
  return text;
}

}  // namespace

TEST_CASE("what has one name is one incident until its end is told") {
  Fixture f;
  f.happens("disk");
  f.clock.advance(1min);
  f.happens("disk", Severity::kHigh, "it is worse");
  f.happens("wal");
  auto open = f.open_ones();
  REQUIRE(open.size() == 2);
  CHECK(open[0].number == 1);
  CHECK(open[0].name == "disk");
  CHECK(open[0].events == 2);
  CHECK(open[0].severity == Severity::kHigh);
  CHECK(open[0].kind == EventKind::kMonitor);
  CHECK(open[0].jail == "vaultwarden");
  CHECK(open[0].message == "it is worse");
  CHECK(open[0].last - open[0].opened == 1min);
  CHECK(told(open[0]) == "ops 2");
  CHECK(open[0].told[0].state == Incident::Told::State::kWaiting);
  REQUIRE(open[0].coming.size() == 2);
  CHECK(open[0].coming[0].destination == "pager");
  CHECK(open[0].coming[0].due - open[0].opened == 15min);
  CHECK(open[0].coming[1].times == 1);
  f.ends("disk");
  f.ends("nothing");
  open = f.open_ones();
  REQUIRE(open.size() == 1);
  CHECK(open[0].name == "wal");
  const auto ended = f.ended();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].how == store::IncidentEnd::kOver);
  CHECK(ended[0].coming.empty());
  // The end goes to whom the beginning went.
  CHECK(f.waiting(f.ops) == Texts{"it is bad", "it is worse", "it is bad", "good again"});
  f.happens("disk");
  CHECK(f.open_ones()[1].number == 3);
  std::vector<std::string> rows;
  REQUIRE(
      f.reader().query("SELECT number, name, severity, kind, jail, how FROM incidents "
                       "WHERE ended IS NOT NULL",
                       5s, [&](const auto& row) {
                         for (const std::string& field : row) {
                           rows.push_back(field);
                         }
                         return true;
                       }));
  CHECK(rows == Texts{"number", "name", "severity", "kind", "jail", "how", "1", "disk", "high",
                      "monitor", "vaultwarden", "over"});
}

TEST_CASE("an event that comes twice counts once") {
  Fixture f;
  store::Batch batch;
  batch.events.push_back(f.event(Severity::kWarning, "it is bad"));
  batch.incidents.push_back(part(0, "disk"));
  f.put(batch);
  f.put(batch);
  CHECK(f.open_ones().at(0).events == 1);
}

TEST_CASE("what nobody acknowledges goes on to the next, bounded, over restarts") {
  Fixture f;
  f.happens("disk");
  f.pass(15min - 1s);
  CHECK(f.waiting(f.pager).empty());
  f.restart();
  f.pass(1s);
  CHECK(f.waiting(f.pager) == Texts{"not acknowledged for 15m: it is bad"});
  const auto item = f.items(f.pager).at(0).event;
  CHECK(item.kind == model::EventKind::kIncident);
  CHECK(item.severity == Severity::kWarning);
  CHECK(item.jail == "vaultwarden");
  CHECK(item.detail == R"({"incident":"disk","next":"warder alerts ack 1","number":1})");
  // A host that slept makes up for nothing.
  f.pass(3h);
  CHECK(f.waiting(f.pager).size() == 2);
  CHECK(f.waiting(f.boss) == Texts{"not acknowledged for 3h15m: it is bad"});
  for (int i = 0; i < 10; ++i) {
    f.pass(1h);
  }
  CHECK(f.waiting(f.pager).size() == 2);
  CHECK(f.waiting(f.boss).size() == 1);
  CHECK(told(f.open_ones().at(0)) == "boss 1, ops 1, pager 2");
  f.ends("disk");
  CHECK(f.waiting(f.pager).back() == "good again");
  CHECK(f.waiting(f.boss).back() == "good again");
}

TEST_CASE("a clock that is set back by a year delays nothing that is told on") {
  Fixture f;
  f.happens("disk");
  const auto back = std::chrono::hours(24 * 365);
  f.clock.set_wall(f.clock.now() - back);
  store::Batch step;
  step.events.push_back(f.event(Severity::kWarning, "the clock was set", EventKind::kAgent));
  step.clock_steps.push_back({0, -back});
  f.put(std::move(step));
  f.pass(15min - 1s);
  CHECK(f.waiting(f.pager).empty());
  f.pass(1s);
  CHECK(f.waiting(f.pager).size() == 1);
}

TEST_CASE("the store wakes for it though nothing is committed") {
  Fixture f;
  std::mutex mutex;
  std::condition_variable changed;
  int filled = 0;
  f.close();
  f.hooks.outbox = [&] {
    const std::lock_guard lock(mutex);
    ++filled;
    changed.notify_all();
  };
  f.open();
  f.happens("disk");
  f.clock.advance(15min);
  // Only woken: nothing that changes a row.
  REQUIRE(f.store->wait(f.store->outbox_delivered(f.boss, {}, ""), kLongEnough));
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, kLongEnough, [&] { return filled > 0; }));
  CHECK(f.waiting(f.pager).size() == 1);
}

TEST_CASE(
    "an acknowledgement stops what was to come, tells those who know, and is no more than that") {
  Fixture f;
  f.happens("disk");
  f.happens("wal");
  f.pass(15min);
  CHECK(f.waiting(f.pager).size() == 2);
  f.acknowledge(1, "on it");
  CHECK(f.waiting(f.pager).back() == "acknowledged");
  CHECK(f.waiting(f.ops).back() == "acknowledged");
  CHECK(f.waiting(f.boss).empty());
  f.pass(10h);
  // The other one goes on.
  CHECK(f.waiting(f.boss) == Texts{"not acknowledged for 10h15m: it is bad"});
  const auto open = f.open_ones();
  REQUIRE(open.size() == 2);
  CHECK(open[0].acknowledged_by == "alice");
  CHECK(open[0].note == "on it");
  CHECK_FALSE(open[1].acknowledged);
  // The same again is told as before, and is still known.
  f.happens("disk");
  CHECK(f.waiting(f.ops).back() == "it is bad");
  CHECK(f.open_ones()[0].number == 1);
  f.pass(10h);
  CHECK(f.waiting(f.boss).size() == 1);
}

TEST_CASE("worse than what was acknowledged is another incident") {
  Fixture f;
  f.happens("disk");
  f.acknowledge(1);
  f.happens("disk", Severity::kCritical, "full");
  const auto open = f.open_ones();
  REQUIRE(open.size() == 1);
  CHECK(open[0].number == 2);
  CHECK(f.ended().at(0).how == store::IncidentEnd::kAcknowledged);
  f.pass(15min);
  CHECK(f.waiting(f.pager) == Texts{"not acknowledged for 15m: full"});
  // One that was acknowledged and came again meanwhile: the old number changes nothing.
  f.acknowledge(1);
  CHECK_FALSE(f.open_ones().at(0).acknowledged);
}

TEST_CASE("what tells no end is covered for an hour after it was acknowledged") {
  Fixture f;
  f.tells_end = false;
  f.happens("root token used");
  f.acknowledge(1);
  f.clock.advance(1h);
  f.happens("root token used");
  CHECK(f.open_ones().at(0).number == 1);
  f.clock.advance(1s);
  f.happens("root token used");
  CHECK(f.open_ones().at(0).number == 2);
  CHECK(f.open_ones().size() == 1);
  f.pass(15min);
  CHECK(f.waiting(f.pager).size() == 1);
}

TEST_CASE("an incident that gets worse is told to those who did not want it before") {
  Fixture f;
  store::Batch batch;
  batch.events.push_back(f.event(Severity::kWarning, "slow"));
  batch.incidents.push_back(part(0, "disk"));
  f.put(std::move(batch));
  f.pass(1h);
  CHECK(f.waiting(f.pager).empty());
  f.happens("disk", Severity::kCritical, "full");
  f.pass(15min);
  CHECK(f.waiting(f.pager) == Texts{"not acknowledged for 1h15m: full"});
}

TEST_CASE("what gets worse in quiet hours does not wait for their end") {
  Fixture f;
  f.happens("disk", Severity::kWarning, "slow", 8h);
  f.pass(1h);
  CHECK(f.waiting(f.pager).empty());
  f.happens("disk", Severity::kCritical, "full");
  f.pass(15min - 1s);
  CHECK(f.waiting(f.pager).empty());
  f.pass(1s);
  CHECK(f.waiting(f.pager) == Texts{"not acknowledged for 1h15m: full"});
  f.pass(45min);
  CHECK(f.waiting(f.pager).size() == 2);
  CHECK(f.waiting(f.boss) == Texts{"not acknowledged for 2h: full"});
  f.pass(8h);
  CHECK(f.waiting(f.pager).size() == 2);
  CHECK(f.waiting(f.boss).size() == 1);
}

TEST_CASE("the same again counts from when it is heard, if that is sooner") {
  Fixture f;
  f.happens("disk", Severity::kWarning, "slow", 8h);
  f.pass(1h);
  f.happens("disk", Severity::kWarning, "still slow");  // quiet hours were taken away meanwhile
  f.pass(10min);
  f.happens("disk", Severity::kWarning, "still slow");  // and that does not begin anew
  f.pass(5min);
  CHECK(f.waiting(f.pager) == Texts{"not acknowledged for 1h15m: still slow"});
  f.pass(15min);
  CHECK(f.waiting(f.pager).size() == 2);
  f.happens("disk", Severity::kWarning,
            "still slow");  // nor bring back what was told all its times
  f.pass(3h);
  CHECK(f.waiting(f.pager).size() == 2);
}

TEST_CASE("a storm goes on as one message") {
  Fixture f;
  for (int i = 0; i < 7; ++i) {
    f.happens(fmt::format("check {}", i), i == 6 ? Severity::kHigh : Severity::kWarning);
  }
  f.pass(15min);
  CHECK(f.waiting(f.pager) ==
        Texts{"7 incidents are not acknowledged: 7 check 6, 15m; 1 check 0, 15m; 2 check 1, 15m; 3 "
              "check 2, 15m; 4 check 3, 15m; ..."});
  const auto event = f.items(f.pager).at(0).event;
  CHECK(event.severity == Severity::kHigh);
  CHECK(event.detail ==
        R"({"incident":"not-acknowledged","next":"warder alerts list","numbers":[7,1,2,3,4,5,6]})");
  CHECK(told(f.open_ones().at(0)) == "ops 1, pager 1");
}

TEST_CASE("incidents are bounded: the least severe goes first, of these what somebody knows of") {
  Fixture f;
  store::Batch batch;
  const auto add = [&](std::string name, Severity severity) {
    batch.events.push_back(f.event(severity, "x"));
    batch.incidents.push_back(part(batch.events.size() - 1, std::move(name)));
  };
  add("severe", Severity::kHigh);
  for (int i = 0; i < store::Incidents::kMostOpen - 1; ++i) {
    add(fmt::format("n{}", i), Severity::kWarning);
  }
  f.put(std::move(batch));
  f.acknowledge(5);
  CHECK(f.open_ones().size() == store::Incidents::kMostOpen);
  f.happens("one more");
  f.clock.advance(1s);
  f.happens("two more");
  CHECK(f.open_ones().size() == store::Incidents::kMostOpen);
  CHECK(f.open_ones().front().name == "severe");
  const auto ended = f.ended();
  REQUIRE(ended.size() == 2);
  CHECK(ended[1].number == 5);
  CHECK(ended[0].number == 2);
  CHECK(ended[0].how == store::IncidentEnd::kCrowded);
}

TEST_CASE("silence ends an incident, and what ended long ago is forgotten") {
  Fixture f;
  f.tells_end = false;
  f.happens("once");
  f.tells_end = true;
  f.happens("watched");
  f.pass(24h * 7 + 1s);
  REQUIRE(f.open_ones().size() == 1);
  CHECK(f.open_ones()[0].name == "watched");
  CHECK(f.ended().at(0).how == store::IncidentEnd::kSilent);
  store::Batch batch;
  for (int i = 0; i < store::Incidents::kMostEnded + 5; ++i) {
    batch.events.push_back(f.event(Severity::kWarning, "x"));
    batch.incidents.push_back(part(batch.events.size() - 1, "again"));
    batch.events.push_back(f.event(Severity::kNotice, "good"));
    batch.incidents.push_back(end_of(batch.events.size() - 1, "again"));
  }
  f.put(std::move(batch));
  f.pass(1s);
  CHECK(f.ended().size() == store::Incidents::kMostEnded);
  CHECK(f.reader().incident(1).error().message() == "there is no incident 1");
}

TEST_CASE("the first of a name is marked in the outbox, over restarts") {
  Fixture f;
  f.happens("disk");
  f.happens("disk");
  f.restart();
  f.happens("disk");
  f.happens("wal");
  std::vector<bool> fresh;
  for (const auto& item : f.items(f.ops)) {
    fresh.push_back(item.fresh);
  }
  CHECK(fresh == std::vector<bool>{true, false, false, true});
}

TEST_CASE("the store's own alerts are incidents as well") {
  Fixture f;
  f.close();
  f.hooks.route = [&](const model::Event&) { return std::vector{f.ops}; };
  f.hooks.incident =
      [&](const model::Event& event,
          const std::vector<store::DestinationId>& to) -> std::optional<store::IncidentEntry> {
    if (event.kind != EventKind::kStore || event.severity < Severity::kWarning) {
      return std::nullopt;
    }
    CHECK(to == std::vector{f.ops});
    return part(0, "store");
  };
  f.open();
  REQUIRE(f.store->wait(f.store->set_aside("a test"), kLongEnough));
  f.name_destinations();
  f.put_findings(0, 1);
  const auto open = f.open_ones();
  REQUIRE(open.size() == 1);
  CHECK(open[0].name == "store");
  CHECK(told(open[0]) == "ops 1");
}

TEST_CASE(
    "what the store told before it was closed ends when it can be written at the next start") {
  Fixture f;
  store::Batch full;
  full.events = {testing::finding(0)};
  full.incidents = {part(0, "store/writing")};
  f.put(std::move(full));
  REQUIRE(f.open_ones().size() == 1);
  f.close();
  f.hooks.incident =
      [&](const model::Event& event,
          const std::vector<store::DestinationId>&) -> std::optional<store::IncidentEntry> {
    CHECK(event.message == "the history is written again");
    CHECK(event.detail == R"({"incident":"store/writing","state":"good"})");
    return end_of(0, "store/writing");
  };
  f.open();
  f.put_findings(1, 1);
  CHECK(f.open_ones().empty());
  CHECK(f.messages() ==
        std::vector<std::string>{"finding 0", "the history is written again", "finding 1"});
  f.close();
  f.hooks.incident = {};
  f.open();
  f.put_findings(2, 1);  // nothing is open any more, and nothing told
  CHECK(f.messages().back() == "finding 2");
  CHECK(f.messages().size() == 4);
}
