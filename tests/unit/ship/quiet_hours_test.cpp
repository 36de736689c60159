#include "ship/quiet_hours.h"

#include "ship/message.h"
#include "ship/pump.h"
#include "support/manual_clock.h"
#include "support/memory_outbox.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <string>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;
using model::EventKind;
using model::Severity;

namespace {

util::WallTime at(std::string_view text) { return util::parse_rfc3339(text).value(); }

// Berlin in 2026: an hour east, two from 29 March 01:00 UTC to 25 October 01:00 UTC.
std::chrono::seconds berlin(util::WallTime time) {
  return time >= at("2026-03-29T01:00:00Z") && time < at("2026-10-25T01:00:00Z") ? 2h : 1h;
}

std::chrono::seconds utc(util::WallTime) { return 0s; }

ship::QuietHours hours(std::string_view text) { return ship::QuietHours::parse(text).value(); }

bool quiet(const ship::QuietHours& hours, std::string_view time) {
  return hours.contains(at(time), berlin);
}

std::string end(const ship::QuietHours& hours, std::string_view time) {
  return util::format_rfc3339(hours.end(at(time), berlin));
}

std::string refusal(std::string_view text) {
  const auto parsed = ship::QuietHours::parse(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == util::ErrorCode::kInvalid);
  return parsed.error().message();
}

constexpr std::string_view kExample =
    "; write for instance 22:00-07:00, or mon-fri 22:00-07:00, sat sun 00:00-24:00";

}  // namespace

TEST_CASE("quiet hours go past midnight and end where the clocks say") {
  const ship::QuietHours night = hours("22:00-07:00");
  CHECK_FALSE(quiet(night, "2026-11-02T20:59:59Z"));
  CHECK(quiet(night, "2026-11-02T21:00:00Z"));
  CHECK(quiet(night, "2026-11-02T23:00:00Z"));
  CHECK(quiet(night, "2026-11-03T05:59:59Z"));
  CHECK_FALSE(quiet(night, "2026-11-03T06:00:00Z"));
  CHECK(end(night, "2026-11-02T21:07:30Z") == "2026-11-03T06:00:00Z");
  CHECK(end(night, "2026-11-02T12:34:56Z") == "2026-11-02T12:34:56Z");
}

TEST_CASE("summer time begins and ends within quiet hours") {
  const ship::QuietHours night = hours("22:00-07:00");
  // 28 March 22:00 at one hour east, 29 March 07:00 at two: eight hours.
  CHECK(end(night, "2026-03-28T21:00:00Z") == "2026-03-29T05:00:00Z");
  // 24 October 22:00 at two hours east, 25 October 07:00 at one: ten hours.
  CHECK(end(night, "2026-10-24T20:00:00Z") == "2026-10-25T06:00:00Z");
  // Hours that the clocks skip, and hours that they show twice.
  const ship::QuietHours skipped = hours("02:00-03:00");
  CHECK_FALSE(quiet(skipped, "2026-03-29T00:59:59Z"));
  CHECK_FALSE(quiet(skipped, "2026-03-29T01:00:00Z"));
  CHECK(quiet(skipped, "2026-10-25T00:30:00Z"));
  CHECK(end(skipped, "2026-10-25T00:30:00Z") == "2026-10-25T02:00:00Z");
}

TEST_CASE("days are those on which quiet hours begin") {
  const ship::QuietHours week = hours("mon-fri 22:00-07:00, Sat sun 00:00-24:00");
  CHECK_FALSE(quiet(week, "2026-11-02T03:00:00Z"));  // Monday 04:00: Sunday's whole day is over
  CHECK(quiet(week, "2026-11-02T21:30:00Z"));        // Monday 22:30
  CHECK(quiet(week, "2026-11-07T05:30:00Z"));        // Saturday
  CHECK(end(week, "2026-11-06T21:00:00Z") == "2026-11-08T23:00:00Z");
  const ship::QuietHours over = hours("sun 23:00-01:00");
  CHECK(quiet(over, "2026-11-01T22:30:00Z"));
  CHECK(quiet(over, "2026-11-01T23:30:00Z"));
  CHECK_FALSE(quiet(over, "2026-11-02T22:30:00Z"));
  CHECK(quiet(hours("fri-mon 10:00-11:00"), "2026-11-01T09:30:00Z"));
  CHECK_FALSE(quiet(hours("fri-mon 10:00-11:00"), "2026-11-03T09:30:00Z"));
}

TEST_CASE("quiet hours that nobody can mean are refused") {
  CHECK(refusal("22:00-22:00") ==
        fmt::format("'22:00-22:00': begins when it ends; a whole day is 00:00-24:00{}", kExample));
  CHECK(refusal("00:00-24:00") ==
        fmt::format("'00:00-24:00': leaves no minute of the week, so what is held would never be "
                    "told{}",
                    kExample));
  CHECK(refusal("mon") == fmt::format("'mon': has no times{}", kExample));
  CHECK(refusal("") == fmt::format("'': has no times{}", kExample));
  CHECK(refusal("22:00-07:00 mon") ==
        fmt::format("'22:00-07:00 mon': nothing may stand behind the times; part spans by commas{}",
                    kExample));
  for (const char* text :
       {"22-07", "24:00-07:00", "22:60-23:00", "22:00-24:01", "noday 22:00-23:00",
        "mon-xyz 22:00-23:00", "-1:00-07:00", "22:00-07:0x", "22:00_07:00"}) {
    CHECK(refusal(text).find("is no span of time") != std::string::npos);
  }
  std::string many;
  for (int i = 0; i < 21; ++i) {
    many += "mon 01:00-02:00,";
  }
  CHECK(refusal(many).find("has more than 20 spans") != std::string::npos);
}

namespace {

// Takes everything.
class Mouth : public ship::Destination {
 public:
  std::string_view name() const override { return "ops"; }
  std::size_t batch_limit() const override { return 10; }
  std::vector<ship::Outcome> deliver(std::span<const ship::Message> messages) override {
    std::vector<ship::Outcome> outcomes;
    for (const ship::Message& message : messages) {
      if (away) {
        outcomes.push_back({ship::Outcome::Kind::kRetry, {}, "away"});
        continue;
      }
      told.push_back(message.summary() ? ship::summary_text(*message.summary())
                                       : message.event()->message);
      outcomes.push_back({});
    }
    return outcomes;
  }
  void cancel() override {}

  bool away = false;
  std::vector<std::string> told;
};

using Told = std::vector<std::string>;

// A night from 22:00 to 07:00 UTC, in which the clock stands at 23:00.
struct Night {
  testing::ManualClock clock;
  testing::MemoryOutbox outbox;
  Mouth mouth;
  ship::ShipperOptions options{.digest = 0s,
                               .quiet = {.hours = hours("22:00-07:00"), .clocks = utc}};
  std::optional<ship::Pump> pump;

  Night() {
    clock.set_wall(at("2026-11-02T23:00:00Z"));
    start();
  }
  void start() {
    pump.emplace(outbox, mouth, options, clock, [](const ship::Report&) {});
  }
  void add(Severity severity, std::string message, std::string detail = {},
           EventKind kind = EventKind::kMonitor) {
    model::Event event;
    event.kind = kind;
    event.severity = severity;
    event.time = clock.now();
    event.jail = kind == EventKind::kAlert ? "" : "vaultwarden";
    event.message = std::move(message);
    event.detail = std::move(detail);
    outbox.add(std::move(event));
  }
  // Until nothing is to be done now; how long it would sleep.
  std::optional<std::chrono::microseconds> run() {
    while (true) {
      const auto next = pump->step();
      if (!next) {
        return std::nullopt;
      }
      if (*next > clock.monotonic()) {
        return *next - clock.monotonic();
      }
    }
  }
};

}  // namespace

TEST_CASE("a night's alerts are one message in the morning, the urgent ones pass") {
  Night night;
  night.add(Severity::kWarning, "the disk is full to 91 %");
  night.add(Severity::kHigh, "the backup failed");
  CHECK(night.run() == std::chrono::microseconds(10min));
  night.add(Severity::kCritical, "the database is damaged");
  night.run();
  CHECK(night.mouth.told == Told{"the database is damaged"});
  night.clock.advance(7h + 59min + 30s);
  CHECK(night.run() == std::chrono::microseconds(30s));
  CHECK(night.mouth.told.size() == 1);
  night.clock.advance(30s);
  CHECK(night.run() == std::nullopt);
  REQUIRE(night.mouth.told.size() == 2);
  CHECK(night.mouth.told[1] ==
        "2 monitor events in quiet hours: vaultwarden 2\n"
        "2026-11-02T23:00:00Z high: the backup failed\n"
        "2026-11-02T23:00:00Z warning: the disk is full to 91 %");
  CHECK(night.outbox.waiting() == 0);
  night.add(Severity::kWarning, "by day");
  night.run();
  CHECK(night.mouth.told.back() == "by day");
}

TEST_CASE("what is held is found again after a restart, also one that ends after the night") {
  Night night;
  night.add(Severity::kWarning, "first");
  night.run();
  night.start();
  night.add(Severity::kWarning, "second");
  night.run();
  CHECK(night.mouth.told.empty());
  CHECK(night.outbox.waiting() == 2);
  night.clock.advance(12h);
  night.start();
  night.run();
  CHECK(night.mouth.told == Told{"2 monitor events in quiet hours: vaultwarden 2\n"
                                 "2026-11-02T23:00:00Z warning: first\n"
                                 "2026-11-02T23:00:00Z warning: second"});
}

TEST_CASE("a single alert of the night is told as what it is, a test alert at once") {
  Night night;
  night.add(Severity::kWarning, "one");
  night.add(Severity::kInfo, "a test alert", {}, EventKind::kAlert);
  night.run();
  CHECK(night.mouth.told == Told{"a test alert"});
  night.clock.advance(8h);
  night.run();
  CHECK(night.mouth.told == Told{"a test alert", "one"});
}

TEST_CASE("the end of what was told in the night is told in the night") {
  const std::string good = R"({"incident":"monitor/v/disk","state":"good","severity":"%"})";
  const auto with = [&](std::string_view severity) {
    std::string text = good;
    return text.replace(text.find('%'), 1, severity);
  };
  Night night;
  night.add(Severity::kNotice, "disk good again", with("warning"));
  night.add(Severity::kNotice, "integrity good again", with("critical"));
  night.run();
  CHECK(night.mouth.told == Told{"integrity good again"});
  // A receiver that keeps incidents open hears of every end.
  night.options.quiet.ends_pass = true;
  night.start();
  night.run();
  CHECK(night.mouth.told == Told{"integrity good again", "disk good again"});
  // Whatever the members are.
  night.add(Severity::kNotice, "odd", R"({"state":["good"],"severity":7})");
  night.add(Severity::kNotice, "no severity", R"({"state":"good","severity":7})");
  night.run();
  CHECK(night.mouth.told == Told{"integrity good again", "disk good again", "no severity"});
}

TEST_CASE("an outage over the end of quiet hours and a clock that is set lose nothing") {
  Night night;
  night.add(Severity::kWarning, "held");
  night.run();
  // The clock is set forward: seen within the time it sleeps at most.
  night.clock.set_wall(at("2026-11-03T12:00:00Z"));
  night.clock.advance(10min);
  night.mouth.away = true;
  night.run();
  CHECK(night.mouth.told.empty());
  CHECK(night.outbox.waiting() == 1);
  night.mouth.away = false;
  night.clock.advance(10min);
  night.run();
  CHECK(night.mouth.told == Told{"held"});
  CHECK(night.outbox.waiting() == 0);
}

TEST_CASE("dead letters that are revived in the night wait with the others") {
  Night night;
  night.add(Severity::kWarning, "held");
  night.run();
  night.pump->reload();
  night.run();
  night.clock.advance(8h);
  night.run();
  CHECK(night.mouth.told == Told{"held"});
}
