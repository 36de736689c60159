#include "store/store.h"

#include "store_support.h"

#include <atomic>
#include <future>
#include <mutex>
#include <sys/stat.h>
#include <thread>

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;
using testing::kLongEnough;

using Fixture = testing::StoreFixture;

TEST_CASE("a batch is stored whole and in order") {
  Fixture fixture;
  fixture.open();
  const auto ntfy = fixture.store->destination("ntfy");
  REQUIRE(ntfy);
  store::Batch batch;
  batch.events = {finding(1), finding(2)};
  batch.outbox = {{1, *ntfy}};
  batch.bans = {{.ban = {.jail = "sshd",
                         .address = *net::Prefix::parse("2001:db8:1::/64"),
                         .start = fixture.clock.now(),
                         .end = fixture.clock.now() + 10min,
                         .count = 2,
                         .reason = "5 findings in 10m"}}};
  batch.positions = {{"file", "/var/log/auth.log", std::string("\0\1\2", 3)}};
  const model::Ban ban = batch.bans[0].ban;
  fixture.put(std::move(batch));

  const auto events = fixture.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].sequence == 0);
  CHECK(events[1].sequence == 1);
  CHECK(events[1].event.id == finding(2).id);
  CHECK(events[1].event.time == finding(2).time);
  CHECK(events[1].event.jail == "sshd");
  CHECK(events[1].event.address == finding(2).address);
  CHECK(events[1].event.message == "finding 2");

  auto reader = fixture.reader();
  std::vector<model::Ban> bans;
  REQUIRE(reader.active_bans(fixture.clock.now(), [&](const model::Ban& one) {
    bans.push_back(one);
    return true;
  }));
  CHECK(bans == std::vector<model::Ban>{ban});
  const auto positions = reader.positions();
  REQUIRE(positions);
  CHECK(*positions ==
        std::vector<model::Position>{{"file", "/var/log/auth.log", std::string("\0\1\2", 3)}});
  const auto items = reader.outbox_from(*ntfy, 0, 10);
  REQUIRE(items);
  REQUIRE(items->size() == 1);
  CHECK((*items)[0].sequence == 1);
  CHECK((*items)[0].event.message == "finding 2");
}

TEST_CASE("an event read twice counts once, in the history, the tree and the outbox") {
  Fixture fixture;
  fixture.open();
  const auto ntfy = *fixture.store->destination("ntfy");
  const auto batch = [&] {
    store::Batch made;
    made.events = {finding(1), finding(2)};
    made.outbox = {{0, ntfy}, {1, ntfy}};
    return made;
  };
  fixture.put(batch());
  REQUIRE(fixture.store->wait(
      fixture.store->outbox_delivered(ntfy, std::vector<std::uint64_t>{0}, ""), kLongEnough));
  fixture.put(batch());
  CHECK(fixture.events().size() == 2);
  auto reader = fixture.reader();
  CHECK(reader.outbox_from(ntfy, 0, 10)->size() == 1);
  CHECK(reader.figures()->tree_size == 2);
}

TEST_CASE("everything is there after closing and opening again") {
  Fixture fixture;
  fixture.open();
  fixture.put_findings(0, 10);
  const auto ntfy = *fixture.store->destination("ntfy");
  fixture.close();
  fixture.open();
  CHECK(*fixture.store->destination("ntfy") == ntfy);
  fixture.put_findings(5, 10);
  CHECK(fixture.events().size() == 15);
  CHECK(fixture.events().back().sequence == 14);
}

TEST_CASE("several callers are written in groups, each in its own order") {
  Fixture fixture;
  std::atomic<store::Ticket> through{0};
  fixture.hooks.durable = [&](store::Ticket ticket) { through = ticket; };
  fixture.open();
  std::vector<std::thread> callers;
  std::atomic<int> refused{0};
  for (std::uint32_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::uint32_t i = 0; i < 50; ++i) {
        store::Batch batch;
        batch.events = {finding(caller * 1000 + i)};
        refused += fixture.store->submit(std::move(batch)) ? 0 : 1;
      }
    });
  }
  for (auto& caller : callers) {
    caller.join();
  }
  REQUIRE(fixture.store->flush(kLongEnough));
  CHECK(refused == 0);
  CHECK(fixture.store->durable_through() == 200);
  fixture.close();
  CHECK(through == 200);
  std::vector<std::uint32_t> next(4);
  const auto events = fixture.events();
  CHECK(events.size() == 200);
  for (const auto& stored : events) {
    const auto number = static_cast<std::uint32_t>(std::stoul(stored.event.message.substr(8)));
    CHECK(number % 1000 == next[number / 1000]++);
  }
}

TEST_CASE("a full queue makes the caller wait, and a stop ends the waiting") {
  Fixture fixture;
  fixture.options.queue_limit = util::kibibytes(1);
  std::promise<void> reached;
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future().share();
  std::once_flag once;
  // The store's thread stands in the hook, so nothing leaves the queue behind the first batch.
  fixture.hooks.durable = [&, may_go_on](store::Ticket) {
    std::call_once(once, [&] { reached.set_value(); });
    may_go_on.wait();
  };
  fixture.open();
  store::Batch first;
  first.events = {finding(0)};
  REQUIRE(fixture.store->submit(std::move(first)));
  reached.get_future().wait();

  store::Batch large;
  large.events = {finding(1)};
  large.events[0].message = std::string(1024, 'x');
  REQUIRE(fixture.store->try_submit(large));  // larger than the queue, but alone in it
  store::Batch more;
  more.events = {finding(2)};
  const auto refused = fixture.store->try_submit(more);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == util::ErrorCode::kUnavailable);
  CHECK(more.events.size() == 1);

  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  const auto stopped = fixture.store->submit(std::move(more), stop.get_token());
  stopper.join();
  CHECK_FALSE(stopped);
  CHECK(more.events.size() == 1);

  std::thread waiter([&] {
    store::Batch waiting;
    waiting.events = {finding(3)};
    CHECK(fixture.store->submit(std::move(waiting)));
  });
  go_on.set_value();
  waiter.join();
  REQUIRE(fixture.store->flush(kLongEnough));
  CHECK(fixture.events().size() == 3);
}

TEST_CASE("a closed store takes nothing") {
  Fixture fixture;
  fixture.open();
  REQUIRE(fixture.store->close(kLongEnough));
  REQUIRE(fixture.store->close(kLongEnough));
  store::Batch batch;
  batch.events = {finding(0)};
  const auto refused = fixture.store->submit(std::move(batch));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "the store is closing");
  CHECK_FALSE(fixture.store->destination("late"));
}

TEST_CASE("a ban replaces its earlier state and ends once") {
  Fixture fixture;
  fixture.open();
  const auto now = fixture.clock.now();
  model::Ban ban{.jail = "sshd",
                 .address = *net::Prefix::parse("192.0.2.7"),
                 .start = now,
                 .end = now + 10min,
                 .count = 1,
                 .reason = "first"};
  store::Batch batch;
  batch.bans.push_back({.ban = ban});
  ban.end = std::nullopt;
  ban.count = 2;
  ban.reason = "second";
  batch.bans.push_back({.ban = ban});
  fixture.put(std::move(batch));
  auto reader = fixture.reader();
  const auto address = ban.address.address();
  CHECK(reader.address(address, 10)->active == std::vector<model::Ban>{ban});

  for (int i = 0; i < 2; ++i) {
    store::Batch end;
    end.bans.push_back({.action = store::BanChange::Action::kEnd,
                        .ban = ban,
                        .how = store::BanEnd::kLifted,
                        .ended = now + 1min});
    fixture.put(std::move(end));
  }
  const auto history = reader.address(address, 10);
  REQUIRE(history);
  CHECK(history->active.empty());
  REQUIRE(history->past.size() == 1);
  CHECK(history->past[0].ban == ban);
  CHECK(history->past[0].how == store::BanEnd::kLifted);
  CHECK(history->past[0].ended == now + 1min);
  std::vector<std::string> offenders;
  REQUIRE(reader.offenders({}, [&](const store::Offender& offender) {
    offenders.push_back(offender.jail + " " + std::to_string(offender.count));
    return true;
  }));
  CHECK(offenders == std::vector<std::string>{"sshd 2"});
}

TEST_CASE("over-long texts are cut visibly") {
  Fixture fixture;
  fixture.open();
  store::Batch batch;
  batch.events = {finding(0)};
  batch.events[0].message = std::string(1020, 'a') + "\xc3\xa4\xc3\xa4\xc3\xa4";
  batch.events[0].detail = "\"" + std::string(20000, 'b') + "\"";
  fixture.put(std::move(batch));
  const auto events = fixture.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].event.message == std::string(1020, 'a') + "...");
  CHECK(events[0].event.detail == "{\"left_out_bytes\":20002}");
}

TEST_CASE("the database is private, and others lose their rights on it") {
  Fixture fixture;
  fixture.open();
  const auto mode = [&](const char* name) {
    struct stat info{};
    REQUIRE(::stat((fixture.folder / name).c_str(), &info) == 0);
    return info.st_mode & 07777U;
  };
  CHECK(mode("warder.db") == 0600);
  CHECK(mode("warder.db-wal") == 0600);
  fixture.close();
  REQUIRE(::chmod(fixture.options.path.c_str(), 0664) == 0);
  fixture.open();
  CHECK(mode("warder.db") == 0660);
}

TEST_CASE("what is to be remembered is kept with its events, and forgotten by an empty value") {
  Fixture fixture;
  fixture.open();
  const std::string value("one\0two", 7);
  store::Batch batch;
  batch.events = {finding(0)};
  batch.kept = {{"monitor/a", value}, {"monitor/b", "x"}, {"monitors", "y"}};
  fixture.put(std::move(batch));
  store::Batch later;
  later.kept = {{"monitor/b", ""}, {"monitors", "z"}};
  fixture.put(std::move(later));
  fixture.close();
  fixture.open();
  auto reader = fixture.reader();
  CHECK(reader.kept("monitor/a").value() == value);
  CHECK(reader.kept("monitor/b").value() == std::nullopt);
  CHECK(reader.kept("monitors").value() == "z");
  CHECK(reader.kept_names("monitor/").value() == std::vector<std::string>{"monitor/a"});
  CHECK(fixture.messages() == std::vector<std::string>{"finding 0"});
}
