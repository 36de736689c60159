#include "store/verify.h"
#include "store_support.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;
using testing::kLongEnough;

namespace {

struct Fixture : testing::StoreFixture {
  void maintain() { REQUIRE(store->wait(store->maintain(), kLongEnough)); }
};

}  // namespace

TEST_CASE("events leave by age, and what was still to be sent is counted") {
  Fixture fixture;
  fixture.options.retention_age = 1h;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  store::Batch batch;
  for (std::uint32_t i = 0; i < 10; ++i) {
    batch.events.push_back(finding(i * 60));
    batch.outbox.push_back({i, mail});
  }
  fixture.put(std::move(batch));
  fixture.clock.advance(1h + 5min);
  fixture.maintain();
  CHECK(fixture.messages() ==
        std::vector<std::string>{
            "finding 300", "finding 360", "finding 420", "finding 480", "finding 540",
            "destination mail: it did not take events before retention removed them; 5 undelivered "
            "items were dropped (5 of severity notice)",
            "retention removed 5 events (0 to 4); their hashes stay in the tree"});
  const auto figures = fixture.reader().figures();
  CHECK(figures->first_kept == 5);
  CHECK(figures->tree_size == 12);
  CHECK(figures->outbox.at(0).pending == 5);
  CHECK(figures->outbox.at(0).dropped == 5);
}

TEST_CASE("events leave by number") {
  Fixture fixture;
  fixture.options.retention_events = 4;
  fixture.open();
  fixture.put_findings(0, 5000);
  fixture.maintain();
  CHECK(fixture.messages() ==
        std::vector<std::string>{
            "finding 4996", "finding 4997", "finding 4998", "finding 4999",
            "retention removed 4996 events (0 to 4995); their hashes stay in the tree"});
}

TEST_CASE("an agent that is restarted often has its history kept short, too") {
  Fixture fixture;
  fixture.options.retention_events = 4;
  for (std::uint32_t start = 0; start < 3; ++start) {
    fixture.open();
    fixture.put_findings(100 * start, 20);
    CHECK(fixture.messages().size() >= 20);
    fixture.clock.advance(61s);
    fixture.put_findings(100 * start + 50, 1);
    const auto limit = std::chrono::steady_clock::now() + kLongEnough;
    while (fixture.messages().size() > 6 && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
    }
    CHECK(fixture.messages().size() <= 6);
    fixture.close();
  }
}

TEST_CASE("what comes while much is removed waits for one slice of it, not for all") {
  constexpr std::uint32_t kStored = 12'000;
  constexpr std::uint32_t kBatches = 7;
  Fixture fixture;
  fixture.options.retention_events = 1000;
  // Events stored when each batch was on disk; of the store's thread, as `number`.
  std::vector<std::int64_t> stored;
  std::uint32_t number = 0;
  std::promise<void> all;
  // Of what was there before; the hook may be told of it late.
  std::atomic<store::Ticket> filled = std::numeric_limits<store::Ticket>::max();
  fixture.hooks.durable = [&](store::Ticket through) {
    if (through <= filled || ++number > kBatches) {
      return;
    }
    // Without REQUIRE, which is the other thread's.
    auto reader = store::Reader::open(fixture.options.path);
    if (!reader || !reader->query("SELECT count(*) FROM event", kLongEnough,
                                  [&](const std::vector<std::string>& row) {
                                    if (row[0] != "count(*)") {
                                      stored.push_back(std::stoll(row[0]));
                                    }
                                    return true;
                                  })) {
      stored.push_back(-1);
    }
    if (number == kBatches) {
      all.set_value();
      return;
    }
    if (number == 1) {
      fixture.clock.advance(11min);  // the round is due, right behind this batch
    }
    // The next is there before the store goes on.
    store::Batch batch;
    batch.events.push_back(finding(kStored + number));
    const auto ticket = fixture.store->submit(std::move(batch));
    if (!ticket) {
      stored.push_back(-2);
    }
  };
  fixture.open();
  store::Batch many;
  for (std::uint32_t i = 0; i < kStored; ++i) {
    many.events.push_back(finding(i));
  }
  const auto before = fixture.store->submit(std::move(many));
  REQUIRE(before);
  REQUIRE(fixture.store->wait(*before, kLongEnough));
  filled = *before;
  store::Batch batch;
  batch.events.push_back(finding(kStored));
  const auto ticket = fixture.store->submit(std::move(batch));
  REQUIRE(all.get_future().wait_for(kLongEnough) == std::future_status::ready);
  CHECK(ticket);
  // Two slices find no bans that are over; then 2,000 events leave with each.
  CHECK(stored == std::vector<std::int64_t>{12'001, 12'002, 12'003, 10'004, 8'005, 6'006, 4'007});
  fixture.maintain();
  const auto left = fixture.messages({.limit = 2000});
  CHECK(left.size() == 1001);
  CHECK(left.front() == "finding 11007");
  CHECK(left.back().starts_with("retention removed "));
  const auto report =
      store::verify(fixture.options.path, {.key = std::nullopt, .against = {}, .vfs = {}});
  REQUIRE(report);
  CHECK(report->good());
}

TEST_CASE("events leave by size and the space comes back") {
  Fixture fixture;
  fixture.options.size_limit = util::mebibytes(2);
  fixture.open();
  for (std::uint32_t i = 0; i < 10; ++i) {
    store::Batch batch;
    for (std::uint32_t k = 0; k < 1000; ++k) {
      batch.events.push_back(finding(i * 1000 + k));
      batch.events.back().message = std::string(1000, 'm');
    }
    fixture.put(std::move(batch));
  }
  fixture.maintain();
  fixture.close();
  const auto figures = fixture.reader().figures();
  CHECK(figures->first_kept >= 8000);
  // The limit, and at most the thousand free pages that are kept for what comes.
  CHECK(figures->database.value < 6'500'000);
  CHECK(figures->tree_size == 10'001);
}

TEST_CASE("the space of a tenth that was removed comes back, too") {
  Fixture fixture;
  fixture.options.size_limit = {};
  fixture.options.retention_events = 72'000;
  fixture.open();
  for (std::uint32_t i = 0; i < 80; ++i) {
    store::Batch batch;
    for (std::uint32_t k = 0; k < 1000; ++k) {
      batch.events.push_back(finding(i * 1000 + k));
      batch.events.back().message = std::string(1000, 'm');
    }
    fixture.put(std::move(batch));
  }
  const auto before = fixture.reader().figures();
  fixture.maintain();
  fixture.close();
  const auto after = fixture.reader().figures();
  CHECK(after->first_kept >= 8000);
  // All of it but the thousand pages (and the thirty-second part) that are kept for what comes.
  CHECK(before->database.value - after->database.value > 3'000'000);
}

TEST_CASE("bans that are over move into the past, and leave it by age") {
  Fixture fixture;
  fixture.options.retention_age = 24h;
  fixture.open();
  const auto now = fixture.clock.now();
  store::Batch batch;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    batch.bans.push_back({.ban = {.jail = "sshd",
                                  .address = net::Prefix(net::IpAddress::v4(0x0A000000U + i)),
                                  .start = now,
                                  .end = now + (i < 2500 ? 10min : 48h),
                                  .count = 1,
                                  .reason = "r"}});
  }
  fixture.put(std::move(batch));
  fixture.clock.advance(11min);
  fixture.maintain();
  auto figures = fixture.reader().figures();
  CHECK(figures->active_bans == 500);
  CHECK(figures->past_bans == 2500);
  const auto history = fixture.reader().address(net::IpAddress::v4(0x0A000001U), 1);
  CHECK(history->past.at(0).how == store::BanEnd::kExpired);
  CHECK(history->past.at(0).ended == now + 10min);
  fixture.clock.advance(24h);
  fixture.maintain();
  figures = fixture.reader().figures();
  CHECK(figures->active_bans == 500);
  CHECK(figures->past_bans == 0);
}

TEST_CASE("a clock that jumps ahead ends no ban and removes nothing until it has stood for a day") {
  Fixture fixture;
  fixture.options.retention_age = 24h;
  fixture.open();
  const auto begin = fixture.clock.now();
  const net::Prefix address(net::IpAddress::v4(0x0A000001U));
  store::Batch batch;
  batch.events.push_back(finding(0));
  batch.bans.push_back({.ban = {.jail = "sshd",
                                .address = address,
                                .start = begin,
                                .end = begin + 1h,
                                .count = 1,
                                .reason = "r"}});
  batch.bans.push_back(batch.bans.back());
  batch.bans.back().ban.jail = "for ever";
  batch.bans.back().ban.end.reset();
  fixture.put(std::move(batch));
  constexpr auto kYear = std::chrono::hours(24 * 365);
  fixture.clock.set_wall(begin + kYear);
  fixture.maintain();
  CHECK(fixture.messages() == std::vector<std::string>{"finding 0"});
  CHECK(fixture.reader().figures()->active_bans == 2);
  // The engine has noticed; what comes twice counts once.
  for (int i = 0; i < 2; ++i) {
    store::Batch step;
    step.events.push_back(finding(1));
    step.clock_steps.push_back({0, kYear});
    fixture.put(std::move(step));
  }
  fixture.clock.advance(59min);
  fixture.maintain();
  std::vector<std::optional<util::WallTime>> ends;
  REQUIRE(fixture.reader().active_bans({}, [&](const model::Ban& ban) {
    ends.push_back(ban.end);
    return true;
  }));
  std::sort(ends.begin(), ends.end());
  CHECK(ends == std::vector<std::optional<util::WallTime>>{std::nullopt, begin + kYear + 1h});
  fixture.clock.advance(1min);
  fixture.maintain();
  CHECK(fixture.reader().figures()->active_bans == 1);
  CHECK(fixture.messages() == std::vector<std::string>{"finding 0", "finding 1"});
  // A restart begins to doubt anew: the newest event is a year old.
  fixture.close();
  fixture.open();
  fixture.clock.advance(23h);
  fixture.maintain();
  CHECK(fixture.messages() == std::vector<std::string>{"finding 0", "finding 1"});
  fixture.clock.advance(24h);
  fixture.maintain();
  CHECK(fixture.messages() ==
        std::vector<std::string>{
            "retention removed 2 events (0 to 1); their hashes stay in the tree"});
  CHECK(fixture.reader().figures()->past_bans == 0);
}

TEST_CASE("a clock that was set back and right again within the day removes nothing") {
  Fixture fixture;
  fixture.options.retention_age = 24h;
  fixture.open();
  fixture.put_findings(0, 3);
  const auto begin = fixture.clock.now();
  fixture.clock.set_wall(begin - 24h * 365 * 10);
  fixture.maintain();
  fixture.clock.set_wall(begin);
  fixture.maintain();
  fixture.clock.set_wall(begin + 24h * 365 * 10);
  fixture.maintain();
  fixture.clock.set_wall(begin);
  fixture.maintain();
  CHECK(fixture.messages() == std::vector<std::string>{"finding 0", "finding 1", "finding 2"});
}

TEST_CASE("somebody who edits history before it is pruned is reported") {
  Fixture fixture;
  fixture.options.retention_events = 2;
  fixture.open();
  fixture.put_findings(0, 10);
  fixture.close();
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(fixture.options.path.c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database,
                       "UPDATE event SET message = 'x' WHERE sequence = 3;"
                       "DELETE FROM event WHERE sequence = 5",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(database);
  fixture.open();
  fixture.maintain();
  CHECK(fixture.messages().at(2) ==
        "2 of the events 0 to 7 were changed or missing when retention removed them: somebody "
        "edited the history");
}
