#include "engine/recorder.h"

#include "unit/engine/engine_support.h"

#include <condition_variable>
#include <mutex>

using namespace warder;
using namespace std::chrono_literals;
using engine::Recorder;
using testing::finding;
using testing::kLongEnough;
using testing::no_positions;
using testing::RecorderFixture;
using testing::StoreFixture;

namespace {

using WhenFull = Recorder::WhenFull;

std::function<void(std::vector<model::Position>&)> position(std::string record) {
  return [record](std::vector<model::Position>& positions) {
    positions.push_back({"file", "/var/log/auth.log", record});
  };
}

std::string stored_position(const StoreFixture& fixture) {
  auto reader = fixture.reader();
  const auto found = reader.position("file", "/var/log/auth.log");
  REQUIRE(found);
  return *found ? (*found)->record : "none";
}

// Holds the store's thread after a commit, so that what follows waits in the queue.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    held_ = closed_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !closed_; });
    held_ = false;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }
  void wait_until_held() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kLongEnough, [&] { return held_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  bool held_ = false;
};

}  // namespace

TEST_CASE("one step is one batch: events, bans, destinations and positions") {
  RecorderFixture fixture;
  const auto chat = fixture.store->destination("chat");
  REQUIRE(chat);
  ship::Selection all;
  all.mode = ship::Selection::Kinds::kAll;
  fixture.routes.replace({{"chat", *chat, all}}, {});

  fixture.recorder.event(finding(1), WhenFull::kDrop);
  fixture.recorder.event(finding(2), WhenFull::kDrop);
  store::BanChange change;
  change.ban.jail = "sshd";
  change.ban.address = testing::prefix("192.0.2.1");
  change.ban.start = fixture.clock.now();
  fixture.recorder.ban(std::move(change), WhenFull::kDrop);
  fixture.recorder.end_step(position("here"));
  CHECK(fixture.recorder.last_ticket() == fixture.recorder.outbox_ticket());
  REQUIRE(fixture.store->wait(fixture.recorder.last_ticket(), kLongEnough));

  CHECK(fixture.messages() == std::vector<std::string>{"finding 1", "finding 2"});
  CHECK(stored_position(fixture) == "here");
  auto reader = fixture.reader();
  CHECK(reader.figures()->active_bans == 1);
  CHECK(reader.outbox_from(*chat, 0, 10)->size() == 2);

  // Nothing more to do: the step ends without a batch.
  const store::Ticket before = fixture.recorder.last_ticket();
  fixture.recorder.end_step([](auto&) { FAIL("asked for positions without need"); });
  CHECK(fixture.recorder.last_ticket() == before);
}

TEST_CASE("a batch without a destination does not wake the shippers") {
  RecorderFixture fixture;
  fixture.recorder.event(finding(1), WhenFull::kDrop);
  fixture.recorder.end_step(no_positions);
  CHECK(fixture.recorder.last_ticket() > 0);
  CHECK(fixture.recorder.outbox_ticket() == 0);
}

TEST_CASE("a position alone waits for its interval") {
  RecorderFixture fixture;
  CHECK_FALSE(fixture.recorder.due().has_value());
  fixture.recorder.position_moved();
  const auto due = fixture.recorder.due();
  REQUIRE(due.has_value());
  CHECK(*due == fixture.clock.monotonic() + Recorder::kPositionInterval);
  fixture.clock.advance(Recorder::kPositionInterval - 1ms);
  fixture.recorder.position_moved();
  CHECK(fixture.recorder.due() == due);  // counted from the first line
  fixture.recorder.end_step(position("too early"));
  CHECK(fixture.recorder.last_ticket() == 0);
  fixture.clock.advance(1ms);
  fixture.recorder.end_step(position("in time"));
  REQUIRE(fixture.store->wait(fixture.recorder.last_ticket(), kLongEnough));
  CHECK(stored_position(fixture) == "in time");
  CHECK_FALSE(fixture.recorder.due().has_value());
}

TEST_CASE("flush() stores positions at once") {
  RecorderFixture fixture;
  fixture.recorder.flush(position("now"));
  REQUIRE(fixture.store->wait(fixture.recorder.last_ticket(), kLongEnough));
  CHECK(stored_position(fixture) == "now");
}

TEST_CASE("when the store is full nothing is recorded and positions stand still until resume()") {
  Gate gate;
  StoreFixture fixture;
  fixture.options.queue_limit = util::ByteCount{1};  // one batch, when the queue is empty
  fixture.hooks.durable = [&gate](store::Ticket) { gate.pass(); };
  fixture.open();
  engine::Routes routes;
  Recorder recorder(*fixture.store, routes, fixture.clock);

  gate.close();
  recorder.event(finding(1), WhenFull::kDrop);
  recorder.end_step(position("1"));
  gate.wait_until_held();
  recorder.event(finding(2), WhenFull::kDrop);  // waits in the queue
  recorder.end_step(position("2"));
  CHECK_FALSE(recorder.overloaded());
  const store::Ticket last = recorder.last_ticket();

  recorder.event(finding(3), WhenFull::kDrop);
  recorder.event(finding(4), WhenFull::kDrop);
  recorder.end_step(position("3"));
  CHECK(recorder.overloaded());
  CHECK(recorder.unrecorded() == 2);
  recorder.event(finding(5), WhenFull::kDrop);
  recorder.end_step([](auto&) { FAIL("positions must stand still"); });
  CHECK(recorder.unrecorded() == 3);
  CHECK(recorder.last_ticket() == last);

  gate.open();
  REQUIRE(fixture.store->wait(last, kLongEnough));
  CHECK(stored_position(fixture) == "2");
  CHECK(fixture.messages() == std::vector<std::string>{"finding 1", "finding 2"});
  CHECK(recorder.overloaded());

  recorder.resume();
  CHECK_FALSE(recorder.overloaded());
  for (std::uint32_t i = 2; i <= 5; ++i) {  // judged once more, 2 for a second time
    recorder.event(finding(i), WhenFull::kDrop);
  }
  recorder.end_step(position("5"));
  REQUIRE(fixture.store->wait(recorder.last_ticket(), kLongEnough));
  CHECK(fixture.messages() ==
        std::vector<std::string>{"finding 1", "finding 2", "finding 3", "finding 4", "finding 5"});
  CHECK(stored_position(fixture) == "5");
  CHECK(recorder.unrecorded() == 3);
}

TEST_CASE("what no line brings back is held in overload and handed in before going back") {
  Gate gate;
  StoreFixture fixture;
  fixture.options.queue_limit = util::ByteCount{1};
  fixture.hooks.durable = [&gate](store::Ticket) { gate.pass(); };
  fixture.open();
  engine::Routes routes;
  Recorder recorder(*fixture.store, routes, fixture.clock);
  gate.close();
  recorder.event(finding(1), WhenFull::kHold);
  recorder.end_step(no_positions);
  gate.wait_until_held();
  recorder.event(finding(2), WhenFull::kDrop);
  recorder.end_step(no_positions);
  const store::Ticket last = recorder.last_ticket();

  recorder.event(finding(3), WhenFull::kDrop);
  recorder.event(finding(4), WhenFull::kHold);  // in the batch that is refused
  recorder.end_step(position("3"));
  CHECK(recorder.overloaded());
  recorder.event(finding(5), WhenFull::kHold);
  recorder.end_step(no_positions);
  CHECK(recorder.unrecorded() == 1);
  CHECK_FALSE(recorder.hand_in_held());  // still no room
  CHECK(recorder.last_ticket() == last);

  gate.open();
  REQUIRE(fixture.store->wait(last, kLongEnough));
  CHECK_FALSE(recorder.hand_in_held());
  REQUIRE(fixture.store->wait(recorder.last_ticket(), kLongEnough));
  CHECK(recorder.hand_in_held());
  CHECK(recorder.overloaded());
  CHECK(fixture.messages() ==
        std::vector<std::string>{"finding 1", "finding 2", "finding 4", "finding 5"});
  CHECK(stored_position(fixture) == "none");
}

TEST_CASE("in overload what is held is bounded, and the rest is counted") {
  Gate gate;
  StoreFixture fixture;
  fixture.options.queue_limit = util::ByteCount{1};
  fixture.hooks.durable = [&gate](store::Ticket) { gate.pass(); };
  fixture.open();
  engine::Routes routes;
  Recorder recorder(*fixture.store, routes, fixture.clock);
  gate.close();
  recorder.event(finding(1), WhenFull::kDrop);
  recorder.end_step(no_positions);
  gate.wait_until_held();
  recorder.event(finding(2), WhenFull::kDrop);
  recorder.end_step(no_positions);
  recorder.event(finding(3), WhenFull::kHold);
  recorder.end_step(no_positions);
  CHECK(recorder.overloaded());
  for (std::size_t i = 0; i < Recorder::kMostHeld + 6; ++i) {
    recorder.event(finding(4), WhenFull::kHold);
  }
  CHECK(recorder.unrecorded() == 7);
  gate.open();
}

TEST_CASE("destinations follow their events when what is held and what is not go together") {
  RecorderFixture fixture;
  const auto chat = fixture.store->destination("chat");
  REQUIRE(chat);
  ship::Selection bans;
  bans.mode = ship::Selection::Kinds::kListed;
  bans.kinds = {model::EventKind::kBan};
  fixture.routes.replace({{"chat", *chat, bans}}, {});
  model::Event ban = finding(3);
  ban.kind = model::EventKind::kBan;
  ban.message = "the ban";
  fixture.recorder.event(finding(1), WhenFull::kDrop);
  fixture.recorder.event(std::move(ban), WhenFull::kDrop);
  fixture.recorder.event(finding(2), WhenFull::kHold);
  fixture.recorder.end_step(no_positions);
  REQUIRE(fixture.store->wait(fixture.recorder.last_ticket(), kLongEnough));
  auto reader = fixture.reader();
  const auto items = reader.outbox_from(*chat, 0, 10);
  REQUIRE(items);
  REQUIRE(items->size() == 1);
  CHECK(items->front().event.message == "the ban");
}
