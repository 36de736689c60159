#include "ship/digest.h"

#include "support/manual_clock.h"
#include "support/memory_outbox.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace warder;
using namespace std::chrono_literals;
using testing::ban;

namespace {

struct Fixture {
  testing::ManualClock clock;
  testing::MemoryOutbox outbox;
  std::uint64_t loaded = 0;

  void add(ship::Digest& digest, model::Event event) {
    outbox.add(std::move(event));
    const auto items = outbox.next(loaded, 10);
    for (const model::OutboxItem& item : *items) {
      digest.add(item, clock.monotonic());
      loaded = item.id;
    }
  }
  void add_ban(ship::Digest& digest, std::string_view address, std::string_view jail = "sshd") {
    add(digest, ban(address, jail, clock.now()));
  }
  std::optional<ship::Message> take(ship::Digest& digest) { return digest.take(clock.monotonic()); }
};

model::Event problem(model::EventKind kind, model::Severity severity, std::string message) {
  model::Event event;
  event.kind = kind;
  event.severity = severity;
  event.time = testing::ManualClock().now();
  event.message = std::move(message);
  return event;
}

}  // namespace

TEST_CASE("the first alert goes at once, the rest of the window as one summary") {
  Fixture f;
  ship::Digest digest("ops", 60s);
  f.add_ban(digest, "203.0.113.1");
  const auto first = f.take(digest);
  REQUIRE(first);
  CHECK(first->event()->message == "banned 203.0.113.1");
  CHECK(first->key == "ops-00000000000000000000000000000001");
  CHECK(first->items == std::vector<std::uint64_t>{1});
  CHECK(ship::headline(*first) == "ban 203.0.113.1 (sshd)");
  CHECK_FALSE(digest.next_due());

  for (int i = 0; i < 30; ++i) {
    f.clock.advance(1s);
    f.add_ban(digest, i < 5 ? "203.0.113.9" : fmt::format("198.51.100.{}", i));
  }
  for (int i = 0; i < 7; ++i) {
    f.add_ban(digest, "203.0.113.7", "caddy");
  }
  CHECK_FALSE(f.take(digest));
  CHECK(digest.next_due() == f.clock.monotonic() + 30s);
  f.clock.advance(30s);
  const auto summary = f.take(digest);
  REQUIRE(summary);
  CHECK(ship::summary_text(*summary->summary()) ==
        "37 bans in 1m: sshd 30, caddy 7; top addresses 203.0.113.7 (7), 203.0.113.9 (5), "
        "198.51.100.5, 198.51.100.6, 198.51.100.7");
  CHECK(ship::headline(*summary) == "37 alerts in 1m");
  CHECK(summary->items.size() == 37);
  CHECK(summary->items.front() == 2);
  CHECK(summary->items.back() == 38);
  CHECK(summary->key == "ops-00000000000000000000000000000002-00000000000000000000000000000026");
  CHECK_FALSE(f.take(digest));
}

TEST_CASE("a quiet window ends, and the next alert goes at once again") {
  Fixture f;
  ship::Digest digest("ops", 60s);
  f.add_ban(digest, "203.0.113.1");
  CHECK(f.take(digest));
  f.clock.advance(60s);
  f.add_ban(digest, "203.0.113.2");
  CHECK(f.take(digest)->event()->message == "banned 203.0.113.2");
  // A summary opens a window like any message.
  f.clock.advance(1s);
  f.add_ban(digest, "203.0.113.3");
  f.add_ban(digest, "203.0.113.4");
  f.clock.advance(59s);
  CHECK(f.take(digest)->summary()->total == 2);
  f.add_ban(digest, "203.0.113.5");
  CHECK_FALSE(f.take(digest));
  f.clock.advance(60s);
  // One alone is told as what it is.
  CHECK(f.take(digest)->event()->message == "banned 203.0.113.5");
}

TEST_CASE("several kinds get a line each") {
  Fixture f;
  ship::Digest digest("ops", 300s);
  f.add_ban(digest, "203.0.113.1");
  CHECK(f.take(digest));
  f.add_ban(digest, "203.0.113.2");
  f.add_ban(digest, "203.0.113.2", "caddy");
  using model::EventKind;
  using model::Severity;
  f.add(digest, problem(EventKind::kFirewall, Severity::kWarning, "a rule was missing"));
  f.add(digest, problem(EventKind::kFirewall, Severity::kHigh, "the table was flushed"));
  f.add(digest, problem(EventKind::kVault, Severity::kWarning, "the vault is away"));
  f.clock.advance(300s);
  const auto message = f.take(digest);
  REQUIRE(message);
  CHECK(ship::summary_text(*message->summary()) ==
        "5 alerts in 5m\n"
        "2 bans: caddy 1, sshd 1\n"
        "2 firewall events: the table was flushed\n"
        "1 vault event: the vault is away\n"
        "top addresses 203.0.113.2 (2)");
  CHECK(message->severity() == Severity::kHigh);
}

TEST_CASE("critical events do not wait, up to a limit") {
  Fixture f;
  ship::Digest digest("ops", 60s);
  f.add_ban(digest, "203.0.113.1");
  CHECK(f.take(digest));
  for (unsigned i = 0; i < ship::Digest::kMostUrgent + 2; ++i) {
    f.add(digest, problem(model::EventKind::kFirewall, model::Severity::kCritical, "gone"));
  }
  for (unsigned i = 0; i < ship::Digest::kMostUrgent; ++i) {
    CHECK(f.take(digest)->event()->message == "gone");
  }
  CHECK_FALSE(f.take(digest));
  f.clock.advance(60s);
  CHECK(ship::summary_text(*f.take(digest)->summary()) == "2 firewall events in 1m: gone");
}

TEST_CASE("without a window each event goes by itself") {
  Fixture f;
  ship::Digest digest("ops", 0s);
  f.add_ban(digest, "203.0.113.1");
  f.add_ban(digest, "203.0.113.2");
  CHECK(f.take(digest)->items == std::vector<std::uint64_t>{1});
  CHECK(f.take(digest)->items == std::vector<std::uint64_t>{2});
  CHECK_FALSE(f.take(digest));
}

TEST_CASE("a storm of 100,000 bans in a minute is two messages, in bounded memory") {
  testing::ManualClock clock;
  ship::Digest digest("ops", 60s);
  model::OutboxItem item;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    item.id = i + 1;
    item.event = ban("203.0.113.1", fmt::format("jail{}", i % 1000), clock.now());
    item.event.address = net::Prefix(net::IpAddress::v4(0x0A000000U + i));
    digest.add(item, clock.monotonic());
  }
  unsigned messages = 0;
  std::size_t items = 0;
  clock.advance(60s);
  while (const auto message = digest.take(clock.monotonic())) {
    ++messages;
    items += message->items.size();
    if (message->summary()) {
      CHECK(message->summary()->addresses_estimated);
      CHECK(message->summary()->kinds.front().other_jails == 99'999 - 5 * 100);
      CHECK(ship::summary_text(*message->summary())
                .starts_with("99999 bans in 1m: jail1 100, jail10 100, jail100 100, jail101 100, "
                             "jail102 100, others 99499; top addresses (of those counted) "));
    }
  }
  CHECK(messages == 2);
  CHECK(items == 100'000);
}

TEST_CASE("after an outage the summary says how long it covers") {
  Fixture f;
  ship::Digest digest("ops", 60s);
  const util::WallTime now = f.clock.now();
  f.add(digest, ban("203.0.113.1", "sshd", now - 2h));
  f.add(digest, ban("203.0.113.2", "sshd", now - 2h));
  f.add(digest, ban("203.0.113.3", "sshd", now));
  CHECK(f.take(digest));
  f.clock.advance(60s);
  CHECK(ship::summary_text(*f.take(digest)->summary()) ==
        "2 bans in 2h: sshd 2; top addresses 203.0.113.2, 203.0.113.3");
}

TEST_CASE("what is told for the first time goes at once and ahead of repetitions, bounded") {
  Fixture f;
  ship::Digest digest("ops", 60s);
  const auto add = [&](std::string message, bool fresh) {
    f.outbox.add(
        problem(model::EventKind::kMonitor, model::Severity::kWarning, std::move(message)));
    model::OutboxItem item = f.outbox.next(f.loaded, 1)->front();
    f.loaded = item.id;
    item.fresh = fresh;
    digest.add(item, f.clock.monotonic());
  };
  const auto next = [&] {
    const auto message = f.take(digest);
    return !message             ? std::string("nothing")
           : message->summary() ? ship::summary_text(*message->summary())
                                : message->event()->message;
  };
  add("first", true);
  add("again", false);
  add("new one", true);
  add("new two", true);
  CHECK(digest.ready() == 3);
  CHECK(next() == "new one");
  CHECK(next() == "new two");
  CHECK(next() == "first");
  CHECK(next() == "nothing");
  // A flood of new things is a digest like any other.
  for (unsigned i = 2; i < ship::Digest::kMostFresh + 5; ++i) {
    add(fmt::format("new {}", i), true);
  }
  CHECK(digest.ready() == ship::Digest::kMostFresh - 2);
  while (f.take(digest)) {
  }
  f.clock.advance(60s);
  add("much later", true);
  CHECK(next() == "much later");
  CHECK(next() == "6 monitor events in 1m: again");
  CHECK(digest.empty());
}
