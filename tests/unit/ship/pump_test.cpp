#include "ship/pump.h"

#include "support/manual_clock.h"
#include "support/memory_outbox.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

using namespace warder;
using namespace std::chrono_literals;
using ship::Message;
using ship::Outcome;
using Kind = Outcome::Kind;

namespace {

// Judges each message by a rule of the test, the way a destination does: after the first retry
// nothing further is tried.
class RuleDestination : public ship::Destination {
 public:
  using Rule = std::function<Outcome(const Message&)>;

  std::string_view name() const override { return "ops"; }
  std::size_t batch_limit() const override { return limit; }
  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    ++requests;
    std::vector<Outcome> outcomes;
    bool whole_refused = false;
    for (const Message& message : messages) {
      outcomes.push_back(rule(message));
      whole_refused = whole_refused || outcomes.back().kind == Kind::kRefused;
    }
    if (std::any_of(outcomes.begin(), outcomes.end(),
                    [](const Outcome& outcome) { return outcome.kind == Kind::kRejected; })) {
      // What answers 403 answers the request, not a message of it.
      outcomes.assign(messages.size(), Outcome{Kind::kRejected, {}, rejection});
    }
    if (all_or_nothing && whole_refused) {
      outcomes.assign(messages.size(), Outcome{Kind::kRefused, {}, "400"});
    }
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].kind == Kind::kRetry) {
        std::fill(outcomes.begin() + static_cast<std::ptrdiff_t>(i), outcomes.end(),
                  Outcome(outcomes[i]));
        break;
      }
      if (outcomes[i].kind == Kind::kDelivered) {
        got.push_back(messages[i]);
      }
    }
    return outcomes;
  }
  void cancel() override {}

  // What was delivered, by the last digits of the keys.
  std::string order() const {
    std::string text;
    for (const Message& message : got) {
      text += message.key.substr(message.key.size() - 2) + " ";
    }
    return text;
  }

  Rule rule = [](const Message&) { return Outcome{}; };
  std::size_t limit = 1;
  // A batch with something refused in it is refused whole.
  bool all_or_nothing = false;
  std::string rejection = "403";
  unsigned requests = 0;
  std::vector<Message> got;
};

struct Fixture {
  testing::ManualClock clock;
  testing::MemoryOutbox outbox;
  RuleDestination destination;
  ship::ShipperOptions options;
  std::vector<ship::Report> reports;
  std::unique_ptr<ship::Pump> pump;

  Fixture() { options.digest = 0s; }

  ship::Pump& start() {
    pump = std::make_unique<ship::Pump>(
        outbox, destination, options, clock,
        [this](const ship::Report& report) { reports.push_back(report); });
    return *pump;
  }
  void add(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      outbox.add(testing::ban("203.0.113.1", "sshd", clock.now()));
    }
  }
  // Steps until there is nothing to do now; when it wants to be called again.
  std::optional<util::MonotonicTime> settle() {
    for (int i = 0; i < 100'000; ++i) {
      const auto next = pump->step();
      if (!next || *next > clock.monotonic()) {
        return next;
      }
    }
    FAIL("the pump never rests");
    return std::nullopt;
  }
  // Lets time pass, from one wish of the pump to the next.
  void run_for(std::chrono::microseconds time) {
    const auto end = clock.monotonic() + time;
    while (true) {
      const auto next = settle();
      if (!next || *next >= end) {
        clock.advance(end - clock.monotonic());
        return;
      }
      clock.advance(*next - clock.monotonic());
    }
  }
};

Outcome retry(std::optional<std::chrono::seconds> after = {}) {
  return Outcome{Kind::kRetry, after, "503"};
}

std::uint8_t number(const Message& message) { return message.event()->id.bytes[15]; }

}  // namespace

TEST_CASE("everything is delivered in order and leaves the outbox") {
  Fixture f;
  f.add(20);
  f.start();
  CHECK_FALSE(f.settle());
  CHECK(f.outbox.waiting() == 0);
  CHECK(f.destination.got.size() == 20);
  CHECK(f.destination.got.front().key == "ops-00000000000000000000000000000001");
  CHECK(f.destination.got.back().key == "ops-00000000000000000000000000000014");
  f.add(1);
  CHECK_FALSE(f.settle());
  const auto status = f.pump->status();
  CHECK(status.delivered == 21);
  CHECK(status.requests == 21);
  CHECK(status.last_success == f.clock.now());
  CHECK(f.reports.empty());
}

TEST_CASE("a failure backs off, doubling with jitter, and keeps the order") {
  Fixture f;
  f.add(3);
  f.start();
  f.destination.rule = [](const Message&) { return retry(); };
  std::chrono::milliseconds expected = 1000ms;
  for (unsigned attempt = 1; attempt <= 12; ++attempt) {
    const auto next = f.settle();
    REQUIRE(next);
    const auto pause = *next - f.clock.monotonic();
    CHECK(pause >= expected * 3 / 4);
    CHECK(pause <= expected * 5 / 4);
    CHECK(f.outbox.attempts(1) == attempt);
    CHECK(f.outbox.until() == f.clock.now() + pause);
    CHECK(f.outbox.error() == "503");
    expected = std::min<std::chrono::milliseconds>(expected * 2, 300s);
    f.clock.advance(pause);
  }
  // Only the head was tried.
  CHECK(f.outbox.attempts(2) == 0);
  CHECK(f.pump->status().last_error == "503");
  f.destination.rule = [](const Message&) { return Outcome{}; };
  CHECK_FALSE(f.settle());
  CHECK(f.destination.order() == "01 02 03 ");
  CHECK_FALSE(f.pump->status().failing_since);
  REQUIRE(f.reports.size() == 2);
  CHECK(f.reports[0].kind == ship::Report::Kind::kFailing);
  CHECK(f.reports[0].reason == "503");
  CHECK(f.reports[1].kind == ship::Report::Kind::kRecovered);
}

TEST_CASE("the destination's own wish to wait is honoured") {
  Fixture f;
  f.add(1);
  f.start();
  f.destination.rule = [](const Message&) { return retry(120s); };
  CHECK(f.settle() == f.clock.monotonic() + 120s);
  f.clock.advance(119s);
  CHECK(f.pump->step() == f.clock.monotonic() + 1s);
  CHECK(f.destination.requests == 1);
}

TEST_CASE("a poison item is found by halving, dead-lettered, and the rest goes on in order") {
  Fixture f;
  f.destination.limit = 50;
  f.destination.all_or_nothing = true;
  f.destination.rule = [](const Message& message) {
    return number(message) == 37 ? Outcome{Kind::kRefused, {}, "400"} : Outcome{};
  };
  f.add(100);
  f.start();
  f.settle();
  CHECK(f.outbox.waiting() == 0);
  CHECK(f.destination.got.size() == 99);
  for (std::size_t i = 1; i < f.destination.got.size(); ++i) {
    CHECK(number(f.destination.got[i - 1]) < number(f.destination.got[i]));
  }
  REQUIRE(f.outbox.dead().size() == 1);
  CHECK(f.outbox.dead()[0].id == 37);
  CHECK(f.outbox.dead()[0].error == "400");
  CHECK(f.destination.requests < 30);
  REQUIRE(f.reports.size() == 1);
  CHECK(f.reports[0].kind == ship::Report::Kind::kGaveUp);
  CHECK(f.reports[0].items == 1);
  CHECK(f.pump->status().given_up == 1);
}

TEST_CASE("a destination that refuses everything breeds one report a minute") {
  Fixture f;
  f.destination.rule = [](const Message&) { return Outcome{Kind::kRefused, {}, "400"}; };
  f.add(100);
  f.start();
  const auto next = f.settle();
  CHECK(f.outbox.dead().size() == 100);
  REQUIRE(f.reports.size() == 1);
  CHECK(next == f.clock.monotonic() + 60s);
  f.run_for(61s);
  REQUIRE(f.reports.size() == 2);
  CHECK(f.reports[1].items == 99);
}

TEST_CASE("part of a batch failing leaves the rest delivered") {
  Fixture f;
  f.destination.limit = 10;
  bool broken = true;
  f.destination.rule = [&](const Message& message) {
    return broken && number(message) >= 4 ? retry() : Outcome{};
  };
  f.add(6);
  f.start();
  f.settle();
  CHECK(f.destination.order() == "01 02 03 ");
  CHECK(f.outbox.waiting() == 3);
  broken = false;
  f.run_for(10s);
  CHECK(f.destination.order() == "01 02 03 04 05 06 ");
}

TEST_CASE("a message that a filter rejects is told from a token that was revoked") {
  Fixture f;
  f.destination.limit = GENERATE(1, 10);
  SECTION("one message is rejected, the next ones are taken") {
    f.destination.rule = [](const Message& message) {
      return number(message) == 2 ? Outcome{Kind::kRejected, {}, "403"} : Outcome{};
    };
    f.add(5);
    f.start();
    f.run_for(1h);
    CHECK(f.destination.order() == "01 03 04 05 ");
    REQUIRE(f.outbox.dead().size() == 1);
    CHECK(f.outbox.dead()[0].id == 2);
    CHECK(f.outbox.dead()[0].error == "403");
  }
  SECTION("the only message is rejected: it waits for the next one to tell") {
    f.destination.rule = [](const Message& message) {
      return number(message) == 1 ? Outcome{Kind::kRejected, {}, "403"} : Outcome{};
    };
    f.add(1);
    f.start();
    f.run_for(1h);
    CHECK(f.outbox.waiting() == 1);
    f.add(1);
    f.run_for(1h);
    CHECK(f.destination.order() == "02 ");
    CHECK(f.outbox.dead().size() == 1);
  }
  SECTION("everything is rejected: nothing is lost") {
    bool revoked = true;
    f.destination.rejection = "401";
    f.destination.rule = [&](const Message&) {
      return revoked ? Outcome{Kind::kRejected, {}, "401"} : Outcome{};
    };
    f.add(5);
    f.start();
    f.run_for(24h);
    CHECK(f.outbox.waiting() == 5);
    CHECK(f.outbox.dead().empty());
    CHECK(f.pump->status().last_error == "401");
    // Backing off, not hammering: at most every few minutes, two requests each time.
    CHECK(f.destination.requests < 2 * 24 * 60 / 3);
    revoked = false;
    f.run_for(1h);
    CHECK(f.destination.order() == "01 02 03 04 05 ");
  }
}

TEST_CASE("an outage of a day: nothing is lost, the backlog drains at the allowed rate") {
  Fixture f;
  f.options.pause = 1s;
  bool down = true;
  f.destination.rule = [&](const Message&) { return down ? retry() : Outcome{}; };
  f.start();
  for (int hour = 0; hour < 24; ++hour) {
    f.add(10);
    f.run_for(1h);
  }
  CHECK(f.outbox.waiting() == 240);
  down = false;
  // The back-off may have its longest pause before it.
  f.run_for(375s);
  const std::size_t before = f.destination.got.size();
  f.run_for(60s);
  CHECK(f.destination.got.size() - before <= 61);
  f.run_for(600s);
  CHECK(f.outbox.waiting() == 0);
  CHECK(f.destination.got.size() == 240);
  for (std::size_t i = 1; i < f.destination.got.size(); ++i) {
    CHECK(f.destination.got[i - 1].sequence < f.destination.got[i].sequence);
  }
}

TEST_CASE("a failure longer than the limit gives up what is older, and reports it") {
  Fixture f;
  f.options.give_up = 1h;
  f.destination.rule = [](const Message&) { return retry(); };
  f.add(1);
  f.start();
  f.run_for(59min);
  CHECK(f.outbox.dead().empty());
  f.add(1);
  f.run_for(10min);
  REQUIRE(f.outbox.dead().size() == 1);
  CHECK(f.outbox.dead()[0].id == 1);
  CHECK(f.outbox.waiting() == 1);
  CHECK(f.reports.back().kind == ship::Report::Kind::kGaveUp);
}

TEST_CASE("a clock that jumps ten years gives nothing up") {
  Fixture f;
  f.destination.rule = [](const Message&) { return retry(); };
  f.add(3);
  f.start();
  f.settle();
  f.clock.set_wall(f.clock.now() + std::chrono::hours(24 * 3650));
  f.run_for(1h);
  CHECK(f.outbox.waiting() == 3);
  CHECK(f.outbox.dead().empty());
}

TEST_CASE("what was sent before a restart but not acknowledged is sent again with the same key") {
  Fixture f;
  f.add(2);
  f.start();
  f.outbox.fail(util::Error(util::ErrorCode::kIo, "disk full"));
  CHECK(f.settle());
  CHECK(f.destination.got.empty());
  f.outbox.fail();
  // Delivered, but the outbox cannot write that down.
  f.destination.rule = [&](const Message&) {
    f.outbox.fail(util::Error(util::ErrorCode::kIo, "disk full"));
    return Outcome{};
  };
  f.run_for(10s);
  REQUIRE(f.destination.got.size() == 1);
  CHECK(f.outbox.waiting() == 2);
  CHECK(f.pump->status().last_error == "outbox: disk full");
  // The same process does not send it twice.
  f.destination.rule = [](const Message&) { return Outcome{}; };
  SECTION("without a restart it is not sent twice") {
    f.outbox.fail();
    f.run_for(10min);
    CHECK(f.destination.order() == "01 02 ");
    CHECK(f.outbox.waiting() == 0);
  }
  SECTION("after a restart the key tells") {
    f.start();
    f.outbox.fail();
    f.run_for(10min);
    CHECK(f.destination.order() == "01 01 02 ");
    CHECK(f.outbox.waiting() == 0);
  }
}

TEST_CASE("a digest is one request, retried as it was, and acknowledged as a whole") {
  Fixture f;
  f.options.digest = 60s;
  f.add(1);
  f.start();
  CHECK_FALSE(f.settle());
  CHECK(f.outbox.waiting() == 0);
  f.add(1200);
  CHECK(f.settle() == f.clock.monotonic() + 60s);
  CHECK(f.outbox.waiting() == 1200);
  f.clock.advance(60s);
  std::vector<std::string> keys;
  f.destination.rule = [&](const Message& message) {
    keys.push_back(message.key);
    return keys.size() < 4 ? retry() : Outcome{};
  };
  f.run_for(30s);
  CHECK(f.outbox.waiting() == 0);
  CHECK(keys == std::vector<std::string>(4, keys.front()));
  CHECK(f.destination.got.back().summary()->total == 1200);
}

TEST_CASE("after a restart inside a window nothing of it is lost") {
  Fixture f;
  f.options.digest = 60s;
  f.add(11);
  f.start();
  f.settle();
  CHECK(f.outbox.waiting() == 10);
  f.start();
  f.settle();
  f.clock.advance(60s);
  f.settle();
  CHECK(f.outbox.waiting() == 0);
}

TEST_CASE("revived dead letters are sent, and what is held is not sent twice") {
  Fixture f;
  f.options.digest = GENERATE(0s, 60s);
  bool refusing = true;
  f.destination.rule = [&](const Message&) {
    return refusing ? Outcome{Kind::kRefused, {}, "400"} : Outcome{};
  };
  f.add(1);
  f.start();
  f.settle();
  REQUIRE(f.outbox.dead().size() == 1);
  refusing = false;
  f.outbox.revive();
  f.add(2);
  f.settle();
  // Below what was read already: unseen until told.
  f.run_for(2min);
  CHECK(f.outbox.waiting() == 1);
  f.add(3);
  f.settle();
  f.pump->reload();
  f.run_for(5min);
  CHECK(f.outbox.waiting() == 0);
  std::size_t items = 0;
  for (const Message& message : f.destination.got) {
    items += message.items.size();
  }
  CHECK(items == 6);
}

TEST_CASE("reports become events that do not go to their own destination") {
  const util::WallTime now{std::chrono::seconds(1793620800)};
  const auto event = ship::report_event(
      {.kind = ship::Report::Kind::kGaveUp, .destination = "ops", .items = 2, .reason = "400"},
      now);
  CHECK(event.kind == model::EventKind::kDestination);
  CHECK(event.severity == model::Severity::kHigh);
  CHECK(event.message ==
        "destination ops: 2 alerts could not be delivered and are kept as dead letters: 400");
  CHECK(event.detail == R"({"destination":"ops","incident":"dead-letters/ops","items":2})");
  CHECK(ship::about_destination(event, "ops"));
  CHECK_FALSE(ship::about_destination(event, "op"));
  CHECK_FALSE(ship::about_destination(event, "other"));
  CHECK(ship::report_event({.kind = ship::Report::Kind::kFailing,
                            .destination = "ops",
                            .items = 0,
                            .reason = "no answer"},
                           now)
            .message == "destination ops fails, its alerts wait in the outbox: no answer");
  CHECK(ship::report_event({.kind = ship::Report::Kind::kRecovered, .destination = "ops"}, now)
            .message == "destination ops works again");
}

TEST_CASE("a batch is told to the outbox once, each receipt with its item") {
  Fixture fixture;
  fixture.destination.limit = 50;
  fixture.destination.rule = [](const Message& message) {
    Outcome outcome;
    outcome.receipt = message.sequence == 3 ? "" : fmt::format("r{}", message.sequence);
    return outcome;
  };
  fixture.add(50);
  fixture.start();
  fixture.settle();
  CHECK(fixture.outbox.waiting() == 0);
  CHECK(fixture.outbox.acknowledgements() == 1);
  const auto receipts = fixture.outbox.receipts();
  CHECK(receipts.size() == 49);
  CHECK(receipts.at(1) == "r0");
  CHECK_FALSE(receipts.contains(4));
}
