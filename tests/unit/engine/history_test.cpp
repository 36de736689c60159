#include "engine/history.h"

#include "engine/event_ids.h"
#include "support/manual_clock.h"
#include "unit/engine/engine_support.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace warder;
using namespace std::chrono_literals;
using engine::ban_event;
using engine::ban_of;
using engine::finding_event;
using engine::unban_event;
using engine::would_ban_event;
using model::EventKind;
using model::Severity;
using testing::prefix;

namespace {

const util::WallTime kNow = testing::ManualClock().now();  // 2026-11-02T12:00:00Z

model::Finding finding(std::string text = "Failed password for root from 192.0.2.7") {
  model::Finding made;
  made.address = prefix("192.0.2.7");
  made.time = kNow;
  made.text = "Nov  2 12:00:00 web sshd[7]: " + text;
  made.summary = std::move(text);
  return made;
}

jail::Decision counted() {
  jail::Decision decision;
  decision.kind = jail::DecisionKind::kCounted;
  decision.time = kNow - 3s;
  return decision;
}

const engine::LineOrigin kOrigin{"/var/log/auth.log", {}, 4711};

model::Ban ban(std::optional<util::WallTime> end) {
  model::Ban made;
  made.jail = "sshd";
  made.address = prefix("192.0.2.7");
  made.start = kNow;
  made.end = end;
  made.count = 3;
  made.reason = "5 findings in 10m";
  return made;
}

}  // namespace

TEST_CASE("a finding is told by its summary, its place and the time it was counted at") {
  const model::Event event = finding_event("sshd", finding(), counted(), kOrigin);
  CHECK(event.id == engine::event_id_of_line({}, 4711, EventKind::kFinding, "sshd"));
  CHECK(event.kind == EventKind::kFinding);
  CHECK(event.severity == Severity::kInfo);
  CHECK(event.time == kNow - 3s);
  CHECK(event.jail == "sshd");
  CHECK(event.address == prefix("192.0.2.7"));
  CHECK(event.message == "Failed password for root from 192.0.2.7");
  CHECK(event.line == model::LineFacts{.log = "/var/log/auth.log", .at = 4711, .user = {}});
  CHECK(event.detail.empty());
}

TEST_CASE("a finding has what its filter read") {
  model::Finding made = finding();
  made.pattern = 2;
  made.attempts = 6;
  made.user = "root";
  const model::Event event = finding_event("sshd", made, counted(), kOrigin);
  CHECK(event.line ==
        model::LineFacts{
            .log = "/var/log/auth.log", .at = 4711, .pattern = 2, .attempts = 6, .user = "root"});
}

TEST_CASE("what an attacker writes is made printable and bounded") {
  model::Finding made = finding("a\n\x1b[31mb\xff\"\\" + std::string(100'000, 'x'));
  made.user = "r\"oo\nt\xc3\x28" + std::string(5'000, 'u');
  const model::Event event = finding_event(
      "sshd", made, counted(), {"/var/log/e\"vil\n\xff" + std::string(9'000, 'l'), {}, 1});
  CHECK(event.message.size() == 240);
  CHECK(event.message.starts_with(R"(a\x0a\x1b[31mb\xff"\\x)"));
  CHECK(event.message.ends_with("x..."));
  CHECK(event.line->user.starts_with(R"(r"oo\x0at\xc3(uuu)"));
  CHECK(event.line->user.size() == 128);
  CHECK(event.line->log.starts_with(R"(/var/log/e"vil\x0a\xfflll)"));
  CHECK(event.line->log.size() == 512);
}

TEST_CASE("a ban says whom, how long and why") {
  const model::EventId cause = engine::event_id_of_line({}, 4711, EventKind::kFinding, "sshd");
  const model::Event event = ban_event(ban(kNow + 90min), cause, {true, 850us, 3});
  CHECK(event.id == engine::event_id_after(cause, EventKind::kBan, "192.0.2.7"));
  CHECK(testing::told(event) == "ban warning [sshd] banned 192.0.2.7 for 1h30m: 5 findings in 10m");
  CHECK(event.time == kNow);
  CHECK(event.address == prefix("192.0.2.7"));
  CHECK(event.detail ==
        R"({"count":3,"end":1793626200000000,"findings":3,"in_effect":true,"latency_us":850})");

  CHECK(testing::told(ban_event(ban({}), cause, {false, 900us})) ==
        "ban warning [sshd] banned 192.0.2.7 for ever: 5 findings in 10m");
  const model::Event observed = would_ban_event(ban(kNow + 90min), cause);
  CHECK(testing::told(observed) ==
        "would-ban notice [sshd] would ban 192.0.2.7 for 1h30m: 5 findings in 10m");
  CHECK(observed.id != event.id);
  CHECK(observed.detail == R"({"count":3,"end":1793626200000000})");
}

TEST_CASE("a ban is read back from its event") {
  for (const std::optional<util::WallTime> end :
       {std::optional<util::WallTime>(kNow + 90min), std::optional<util::WallTime>()}) {
    model::Ban wanted = ban(end);
    const model::Event event = ban_event(wanted, {}, {true, 1ms});
    wanted.reason.clear();  // is in the message, for people
    CHECK(ban_of(event) == wanted);
  }
}

TEST_CASE("a reason from outside cannot break a ban's event") {
  model::Ban made = ban({});
  made.reason = "\"}\n\xff" + std::string(4'000, 'r');
  const model::Event event = would_ban_event(made, {});
  CHECK(event.message.starts_with(R"(would ban 192.0.2.7 for ever: "}\x0a\xffrrr)"));
  CHECK(event.message.size() <= model::Event::kLongestMessage);
  CHECK(event.detail == R"({"count":3})");
}

TEST_CASE("an unban says why, and is one event however often it is recorded") {
  const auto address = prefix("2001:db8:1:2::/64");
  const model::Event event = unban_event("sshd", address, kNow, kNow + 5s, "its time is over");
  CHECK(testing::told(event) == "unban info [sshd] unbanned 2001:db8:1:2::/64: its time is over");
  CHECK(event.time == kNow + 5s);
  CHECK(event.detail.empty());
  CHECK(unban_event("sshd", address, kNow, kNow + 9s, "again").id == event.id);
  CHECK(unban_event("sshd", address, kNow + 1s, kNow, "the next ban").id != event.id);
  CHECK(unban_event("caddy", address, kNow, kNow, "another jail").id != event.id);
  // For ever: told apart by when it was lifted.
  CHECK(unban_event("sshd", address, {}, kNow, "").id !=
        unban_event("sshd", address, {}, kNow + 1s, "").id);
}

TEST_CASE("a detail that is not ours is read as nothing special") {
  model::Event event;
  event.jail = "sshd";
  event.time = kNow;
  for (const char* detail : {"", "{", "[]", "null", "7", R"({"count":-1,"end":"never"})",
                             R"({"count":1.5,"end":{}})", "\xff"}) {
    event.detail = detail;
    const model::Ban read = ban_of(event);
    CHECK(read.count == 1);
    CHECK_FALSE(read.end.has_value());
    CHECK(read.address == net::Prefix());
  }
}
