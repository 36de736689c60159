#include "store_support.h"

using namespace warder;
using namespace std::chrono_literals;
using testing::finding;
using testing::kLongEnough;

namespace {

struct Fixture : testing::StoreFixture {
  // Findings `first` .. on, all for `destination`.
  void put_for(store::DestinationId destination, std::uint32_t first, std::uint32_t count,
               model::Severity severity = model::Severity::kNotice) {
    store::Batch batch;
    for (std::uint32_t i = 0; i < count; ++i) {
      batch.events.push_back(finding(first + i));
      batch.events.back().severity = severity;
      batch.outbox.push_back({i, destination});
    }
    put(std::move(batch));
  }
  std::vector<std::uint64_t> waiting(store::DestinationId destination, std::size_t limit = 100) {
    std::vector<std::uint64_t> ids;
    auto open_reader = reader();
    const auto items = open_reader.outbox_from(destination, 0, limit);
    REQUIRE(items);
    for (const auto& item : *items) {
      ids.push_back(item.id);
    }
    return ids;
  }
  void wait(store::Ticket ticket) { REQUIRE(store->wait(ticket, kLongEnough)); }
  store::OutboxCounts counts(std::size_t index = 0) { return reader().outbox_counts()->at(index); }
};

using Ids = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("items come in the order of events and leave when they are delivered") {
  Fixture fixture;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  const auto ntfy = *fixture.store->destination("ntfy");
  fixture.put_for(mail, 0, 5);
  CHECK(fixture.waiting(mail) == Ids{0, 1, 2, 3, 4});
  CHECK(fixture.waiting(mail, 2) == Ids{0, 1});
  CHECK(fixture.waiting(ntfy).empty());
  fixture.wait(fixture.store->outbox_delivered(mail, Ids{0, 1, 2}, "receipt-7"));
  fixture.wait(fixture.store->outbox_delivered(mail, Ids{2}, ""));  // said twice
  CHECK(fixture.waiting(mail) == Ids{3, 4});
  const auto counts = fixture.counts();
  CHECK(counts.name == "mail");
  CHECK(counts.pending == 2);
  CHECK(counts.delivered == 3);
  CHECK(counts.oldest_pending == finding(3).time);
  std::vector<std::string> rows;
  REQUIRE(fixture.reader().query("SELECT sequence, receipt FROM receipt", 5s, [&](const auto& row) {
    rows.push_back(row[0] + " " + row[1]);
    return true;
  }));
  CHECK(rows ==
        std::vector<std::string>{"sequence receipt", "0 receipt-7", "1 receipt-7", "2 receipt-7"});
}

TEST_CASE("a failed item keeps its place, a dead letter waits until it is revived") {
  Fixture fixture;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  fixture.put_for(mail, 0, 3);
  const auto later = fixture.clock.now() + 5min;
  fixture.store->outbox_retry(mail, Ids{0}, later, "connection refused");
  fixture.wait(fixture.store->outbox_dead(mail, Ids{1}, "410 Gone"));
  CHECK(fixture.waiting(mail) == Ids{0, 2});
  fixture.wait(fixture.store->outbox_delivered(mail, Ids{2}, ""));
  CHECK(fixture.waiting(mail) == Ids{0});
  const auto again = fixture.reader().outbox_from(mail, 0, 1);
  CHECK(again->at(0).attempts == 1);
  std::vector<std::string> rows;
  REQUIRE(fixture.reader().query("SELECT state, due, error FROM outbox_items ORDER BY sequence", 5s,
                                 [&](const auto& row) {
                                   rows.push_back(row[0] + ", " + row[1] + ", " + row[2]);
                                   return true;
                                 }));
  REQUIRE(rows.size() == 3);
  CHECK(rows[1] == "pending, 2026-11-02T12:05:00.000Z, connection refused");
  CHECK(rows[2].starts_with("dead, "));

  const auto dead = fixture.reader().outbox_dead(mail, 10);
  REQUIRE(dead);
  REQUIRE(dead->size() == 1);
  CHECK(dead->at(0).item.id == 1);
  CHECK(dead->at(0).item.event.message == "finding 1");
  CHECK(dead->at(0).error == "410 Gone");
  CHECK(fixture.counts().dead == 1);
  fixture.wait(fixture.store->outbox_revive(mail, {}));
  CHECK(fixture.waiting(mail) == Ids{0, 1});
  const auto revived = fixture.reader().outbox_from(mail, 0, 2);
  CHECK(revived->at(1).attempts == 0);
  CHECK(fixture.counts().pending == 2);
}

TEST_CASE("a full outbox drops the lowest severity first and says so") {
  Fixture fixture;
  fixture.options.outbox_limit = 32;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  fixture.hooks = {};
  fixture.put_for(mail, 0, 10, model::Severity::kInfo);
  fixture.put_for(mail, 10, 10, model::Severity::kCritical);
  fixture.put_for(mail, 20, 20, model::Severity::kNotice);
  // 40 waiting, 32 allowed, brought to 30: the ten of severity info went.
  const auto counts = fixture.counts();
  CHECK(counts.pending == 30);
  CHECK(counts.dropped == 10);
  CHECK(fixture.waiting(mail).front() == 10);
  CHECK(fixture.messages().back() ==
        "destination mail: its outbox is full; 10 undelivered items were dropped (10 of severity "
        "info)");
  fixture.put_for(mail, 40, 30, model::Severity::kHigh);
  CHECK(fixture.counts().pending == 30);
  CHECK(fixture.messages().back() ==
        "destination mail: its outbox is full; 30 undelivered items were dropped (20 of severity "
        "notice, 10 of severity high)");
  // What is left are the critical ones and the newest high ones.
  const Ids left = fixture.waiting(mail);
  REQUIRE(left.size() == 30);
  CHECK(left[0] == 10);
  CHECK(left[9] == 19);
}

TEST_CASE("an event of the store itself goes where the route says") {
  Fixture fixture;
  fixture.options.outbox_limit = 16;
  store::DestinationId mail{};
  fixture.hooks.route = [&](const model::Event& event) {
    return event.kind == model::EventKind::kDestination ? std::vector{mail}
                                                        : std::vector<store::DestinationId>{};
  };
  fixture.open();
  mail = *fixture.store->destination("mail");
  fixture.put_for(mail, 0, 20);
  auto reader = fixture.reader();
  const auto items = reader.outbox_from(mail, 0, 100);
  REQUIRE(items);
  CHECK(items->back().event.message ==
        "destination mail: its outbox is full; 5 undelivered items were dropped (5 of severity "
        "notice)");
}

TEST_CASE("counts are right after a restart") {
  Fixture fixture;
  fixture.options.outbox_limit = 32;
  fixture.open();
  const auto mail = *fixture.store->destination("mail");
  fixture.put_for(mail, 0, 30);
  fixture.close();
  fixture.open();
  fixture.put_for(mail, 30, 4);
  CHECK(fixture.counts().pending == 30);
  CHECK(fixture.counts().dropped == 4);
}
