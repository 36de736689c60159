#include "jail/jail.h"

#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <limits>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

TEST_CASE("The maxretry-th finding bans from its time for bantime") {
  World world;
  Jail jail = world.make();
  for (int i = 1; i <= 4; ++i) {
    CHECK(summary(fail(jail, "192.0.2.1", kNoon + i * 1s)) ==
          "counted " + std::to_string(i) + "/5");
  }
  CHECK(jail.state(prefix("192.0.2.1"), kNoon + 4s).count == 4);
  const Decision decision = fail(jail, "192.0.2.1", kNoon + 5s + 250ms);
  CHECK(decision.kind == DecisionKind::kBan);
  CHECK(decision.source == prefix("192.0.2.1"));
  CHECK(decision.count == 5);
  CHECK(decision.limit == 5);
  CHECK(decision.time == kNoon + 5s + 250ms);
  REQUIRE(decision.ban);
  CHECK(*decision.ban == model::Ban{"test", prefix("192.0.2.1"), kNoon + 5s + 250ms,
                                    kNoon + 5s + 250ms + 600s + 750ms, 1, "5 findings in 10m"});
  CHECK(world.bans.find(1, prefix("192.0.2.1")) ==
        ActiveBan{1, prefix("192.0.2.1"), kNoon + 606s, false, false});
  CHECK(jail.state(prefix("192.0.2.1"), kNoon + 6s).count == 0);
}

TEST_CASE("While a source is banned its findings are not counted") {
  World world;
  Jail jail = world.make();
  for (int i = 0; i < 5; ++i) {
    fail(jail, "192.0.2.1", kNoon);
  }
  const Decision decision = fail(jail, "192.0.2.1", kNoon + 599s);
  CHECK(summary(decision) == "already banned 192.0.2.1");
  CHECK(decision.ban->end == kNoon + 600s);
  // The end has come, though nobody has called expire() yet.
  CHECK(summary(fail(jail, "192.0.2.1", kNoon + 600s)) == "counted 1/5");
  CHECK(jail.counters().already_banned == 1);
}

TEST_CASE("Another jail's ban does not keep a jail from counting") {
  World world;
  Jail jail = world.make();
  world.bans.add({2, prefix("192.0.2.1"), std::nullopt, false, false});
  CHECK(summary(fail(jail, "192.0.2.1", kNoon)) == "counted 1/5");
}

TEST_CASE("A permanent ban has no end") {
  World world;
  JailOptions options = World::options();
  options.bantime.reset();
  options.maxretry = 1;
  Jail jail = world.make(options);
  const Decision decision = fail(jail, "192.0.2.1", kNoon);
  CHECK(decision.kind == DecisionKind::kBan);
  CHECK(decision.ban->end == std::nullopt);
  CHECK(world.bans.find(1, prefix("192.0.2.1"))->end == std::nullopt);
}

TEST_CASE("A ban that would have ended already is not made") {
  World world;
  JailOptions options = World::options();
  options.bantime = 60s;
  options.maxretry = 2;
  Jail jail = world.make(options);
  const util::WallTime now = kNoon + 300s;
  jail.on_finding(finding_of(prefix("192.0.2.1"), kNoon), now);
  const Decision decision = jail.on_finding(finding_of(prefix("192.0.2.1"), kNoon + 10s), now);
  CHECK(summary(decision) == "ban over 192.0.2.1");
  CHECK(decision.ban->end == kNoon + 70s);
  CHECK(world.bans.size() == 0);
}

TEST_CASE("Observe mode decides the same and bans nobody") {
  World world;
  JailOptions options = World::options();
  options.observe = true;
  options.increment.enabled = true;
  Jail jail = world.make(options);
  Decision decision;
  for (int i = 0; i < 5; ++i) {
    decision = fail(jail, "192.0.2.1", kNoon);
  }
  CHECK(summary(decision) == "would ban 192.0.2.1");
  CHECK(world.bans.find(1, prefix("192.0.2.1"))->observed);
  CHECK(summary(fail(jail, "192.0.2.1", kNoon + 1s)) == "already banned 192.0.2.1");
  CHECK(world.offenders.size() == 0);

  SECTION("turned off, the same source is counted and banned") {
    options.observe = false;
    Jail enforcing = world.make(options);
    enforcing.adopt(std::move(jail));
    for (int i = 0; i < 5; ++i) {
      decision = fail(enforcing, "192.0.2.1", kNoon + 2s);
    }
    CHECK(summary(decision) == "ban 192.0.2.1");
    CHECK_FALSE(world.bans.find(1, prefix("192.0.2.1"))->observed);
  }
}

TEST_CASE("Who must not be banned is ignored, with the reason") {
  World world;
  JailOptions options = World::options();
  options.ignoreip = {prefix("198.51.100.0/24")};
  options.maxretry = 1;
  Jail jail = world.make(options);
  jail.set_host_addresses({{prefix("192.0.2.10"), prefix("2001:db8::10")},
                           {prefix("10.0.0.2")},
                           {prefix("203.0.113.1")}});
  CHECK(summary(fail(jail, "127.0.0.1", kNoon)) == "ignored: unbannable");
  CHECK(summary(fail(jail, "fe80::1", kNoon)) == "ignored: unbannable");
  CHECK(summary(fail(jail, "192.0.2.10", kNoon)) == "ignored: own address");
  CHECK(summary(fail(jail, "2001:db8::10", kNoon)) == "ignored: own address");
  CHECK(summary(fail(jail, "198.51.100.7", kNoon)) == "ignored: ignoreip");
  CHECK(summary(fail(jail, "10.0.0.2", kNoon)) == "ignored: trusted proxy");
  CHECK(summary(fail(jail, "203.0.113.1", kNoon)) == "ignored: never banned");
  CHECK(world.bans.size() == 0);
  // The host's own network must stay reachable, so a neighbour is banned alone.
  CHECK(summary(fail(jail, "2001:db8::11", kNoon)) == "ban 2001:db8::11");
  CHECK(summary(fail(jail, "2001:db8:0:1::11", kNoon)) == "ban 2001:db8:0:1::/64");

  SECTION("ignoreself = false bans an own address") {
    options.ignoreself = false;
    Jail other = world.make(options, 2);
    other.set_host_addresses({{prefix("192.0.2.10")}, {}, {}});
    CHECK(summary(fail(other, "192.0.2.10", kNoon)) == "ban 192.0.2.10");
  }
}

TEST_CASE("A subnet that a filter captured is banned when it is believable") {
  World world;
  JailOptions options = World::options();
  options.maxretry = 1;
  options.ignoreip = {prefix("198.51.100.7")};
  Jail jail = world.make(options);
  CHECK(summary(fail(jail, "203.0.113.0/24", kNoon)) == "ban 203.0.113.0/24");
  CHECK(summary(fail(jail, "128.0.0.0/1", kNoon)) == "ignored: unbannable");
  CHECK(summary(fail(jail, "2001:db8::/31", kNoon)) == "ignored: unbannable");
  CHECK(summary(fail(jail, "198.51.100.0/24", kNoon)) == "ignored: ignoreip");
}

// A18
TEST_CASE("A never-ban address attacking a million times gives one notice") {
  World world;
  JailOptions options = World::options();
  options.ignoreip = {prefix("198.51.100.7")};
  Jail jail = world.make(options);
  const model::Finding finding = finding_of(prefix("198.51.100.7"), kNoon);
  for (int i = 0; i < 1'000'000; ++i) {
    jail.on_finding(finding, kNoon + 60s);
  }
  CHECK(jail.take_notices(kNoon + 359s).empty());
  const auto notices = jail.take_notices(kNoon + 360s);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].kind == NoticeKind::kIgnored);
  CHECK(notices[0].count == 1'000'000);
  CHECK(notices[0].address == prefix("198.51.100.7"));
  CHECK(notices[0].message ==
        "jail test ignored 1000000 findings from 198.51.100.7: ignoreip lists it");
  CHECK(jail.take_notices(kNoon + 2h).empty());
  CHECK(jail.counters().ignored == 1'000'000);
  CHECK(world.bans.size() == 0);
}

TEST_CASE("A jail whose findings all come from a private address says so") {
  World world;
  Jail jail = world.make();
  for (int i = 0; i < 20; ++i) {
    CHECK(jail.take_notices(kNoon).empty());
    fail(jail, "172.17.0.1", kNoon);
  }
  const auto notices = jail.take_notices(kNoon);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].kind == NoticeKind::kOneAddress);
  CHECK(notices[0].message ==
        "jail test: the last 20 findings all come from 172.17.0.1, a private address; the log "
        "probably shows a proxy or gateway in place of the clients: let the log name the client's "
        "address (trusted proxies), or list this one in ignoreip");
}

TEST_CASE("A finding in the future counts as now, one past findtime does not count") {
  World world;
  Jail jail = world.make();
  const Decision future =
      jail.on_finding(finding_of(prefix("192.0.2.1"), kNoon + 24h * 3650), kNoon);
  CHECK(summary(future) == "counted 1/5");
  CHECK(future.time == kNoon);
  CHECK(jail.counters().future_clamped == 1);
  CHECK(summary(fail(jail, "192.0.2.1", kNoon + 1s)) == "counted 2/5");
  const Decision old = jail.on_finding(finding_of(prefix("192.0.2.1"), kNoon - 600s), kNoon + 1s);
  CHECK(summary(old) == "ignored: too old");
  CHECK(summary(jail.on_finding(finding_of(prefix("192.0.2.1"), util::WallTime{}), kNoon + 1s)) ==
        "ignored: too old");
  const auto notices = jail.take_last_notices(kNoon + 2s);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].message ==
        "jail test did not count 2 findings older than findtime when read; if this goes on, look "
        "at the time zone of the log and at the agent's lag");
}

TEST_CASE("Extreme times of findings do no harm") {
  World world;
  Jail jail = world.make();
  for (const auto time : {util::WallTime::max(), util::WallTime::min(), util::WallTime{}, kNoon,
                          kNoon + 24h * 36500, kNoon - 24h * 36500}) {
    jail.on_finding(finding_of(prefix("192.0.2.1"), time), kNoon);
  }
  CHECK(jail.state(prefix("192.0.2.1"), kNoon).count == 3);
}

// C07
TEST_CASE("Windows go on when the wall clock is set") {
  World world;
  Jail jail = world.make();
  fail(jail, "192.0.2.1", kNoon);
  fail(jail, "192.0.2.1", kNoon + 100s);
  const std::chrono::microseconds step =
      GENERATE(1h, -1h, 24h * 3650, -24h * 3650, 24h * 18000, -24h * 18000);

  SECTION("reported by the engine") {
    jail.clock_stepped(step);
    fail(jail, "192.0.2.1", kNoon + step + 200s);
    CHECK(summary(fail(jail, "192.0.2.1", kNoon + step + 600s)) == "counted 4/5");
    // The first one is now older than findtime.
    CHECK(summary(fail(jail, "192.0.2.1", kNoon + step + 601s)) == "counted 4/5");
    const Decision decision = fail(jail, "192.0.2.1", kNoon + step + 602s);
    CHECK(summary(decision) == "ban 192.0.2.1");
    CHECK(decision.ban->start == kNoon + step + 602s);
  }
  SECTION("not reported: backward steps are noticed, forward ones age the window") {
    fail(jail, "192.0.2.1", kNoon + step + 200s);
    fail(jail, "192.0.2.1", kNoon + step + 201s);
    const Decision decision = fail(jail, "192.0.2.1", kNoon + step + 202s);
    if (step < 0s) {
      CHECK(summary(decision) == "ban 192.0.2.1");
      CHECK(decision.ban->start == kNoon + step + 202s);
    } else {
      CHECK((summary(decision) == "counted 3/5" || summary(decision) == "ban 192.0.2.1"));
    }
  }
  SECTION("reported late: a backward step is not taken out twice") {
    fail(jail, "192.0.2.1", kNoon + step + 200s);
    jail.clock_stepped(step);
    fail(jail, "192.0.2.1", kNoon + step + 201s);
    if (step < 0s) {
      CHECK(summary(fail(jail, "192.0.2.1", kNoon + step + 202s)) == "ban 192.0.2.1");
    }
  }
}

TEST_CASE("A clock that steps back every second never bans too early", "[model]") {
  World world;
  Jail jail = world.make();
  // One failure each 200 s of true time: the window never holds more than four.
  for (int i = 0; i < 1000; ++i) {
    const util::WallTime wall = kNoon + i * 200s - i * 50s;
    jail.clock_stepped(-50s);
    CHECK(fail(jail, "192.0.2.1", wall).kind == DecisionKind::kCounted);
  }
  CHECK(jail.state(prefix("192.0.2.1"), kNoon + 999 * 150s).count == 4);
}

TEST_CASE("compat counts as the reference does, up to the ban") {
  World world;
  JailOptions options = World::options();
  options.counting = Counting::kCompat;
  options.bantime = 60s;
  Jail jail = world.make(options);
  std::string seen;
  for (int i = 0; i <= 5; ++i) {
    seen += summary(fail(jail, "192.0.2.1", kNoon + i * 150s)) + ", ";
  }
  CHECK(seen == "counted 1/5, counted 2/5, counted 3/5, counted 4/5, ban 192.0.2.1, counted 1/5, ");
}

TEST_CASE("compat counts a known offender's failures for more") {
  World world;
  JailOptions options = World::options();
  options.counting = Counting::kCompat;
  options.increment.enabled = true;
  Jail jail = world.make(options);
  world.offenders.set_history(1, prefix("192.0.2.1"), {2, kNoon});
  CHECK(summary(fail(jail, "192.0.2.1", kNoon)) == "counted 1/5");  // not newer than the ban
  CHECK(summary(fail(jail, "192.0.2.1", kNoon + 1s)) == "counted 4/5");
  const Decision decision = fail(jail, "192.0.2.1", kNoon + 2s);
  CHECK(summary(decision) == "ban 192.0.2.1");
  CHECK(decision.ban->count == 3);
  CHECK(decision.ban->end == kNoon + 2s + 2400s);
  CHECK(world.offenders.find(1, prefix("192.0.2.1")) == OffenderTable::History{3, kNoon + 2s});
}

TEST_CASE("Ban times double with each ban, also over all jails") {
  World world;
  JailOptions options = World::options();
  options.maxretry = 1;
  options.increment.enabled = true;
  options.increment.overalljails = GENERATE(false, true);
  world.offenders.set_history(7, prefix("192.0.2.1"), {4, kNoon - 1h});
  Jail jail = world.make(options);
  util::WallTime now = kNoon;
  std::vector<std::int64_t> lengths;
  for (int i = 0; i < 3; ++i) {
    const Decision decision = fail(jail, "192.0.2.1", now);
    REQUIRE(decision.kind == DecisionKind::kBan);
    lengths.push_back(
        std::chrono::duration_cast<std::chrono::seconds>(*decision.ban->end - now).count());
    now = *decision.ban->end;
  }
  CHECK(lengths == (options.increment.overalljails ? std::vector<std::int64_t>{9600, 19200, 38400}
                                                   : std::vector<std::int64_t>{600, 1200, 2400}));
}

TEST_CASE("A full ban table refuses loudly and goes on counting") {
  World world;
  world.bans = BanTable(test_key(), 2);
  JailOptions options = World::options();
  options.maxretry = 1;
  Jail jail = world.make(options);
  fail(jail, "192.0.2.1", kNoon);
  fail(jail, "192.0.2.2", kNoon);
  CHECK(summary(fail(jail, "192.0.2.3", kNoon)) == "refused 192.0.2.3");
  const auto notices = jail.take_last_notices(kNoon);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].message ==
        "jail test could not make 1 ban, because the table of bans is full; shorten bantime or "
        "raise the limit of bans");
}

TEST_CASE("fail2ban's counting bans at a maxretry beyond 65,535") {
  World world;
  JailOptions options = World::options();
  options.counting = Counting::kCompat;
  options.ipv4_widen.clear();
  options.ipv6_widen.clear();
  options.maxretry = 70'000;
  Jail jail = world.make(std::move(options));
  for (int i = 1; i < 69'999; ++i) {
    fail(jail, "192.0.2.1", kNoon);
  }
  CHECK(summary(fail(jail, "192.0.2.1", kNoon)) == "counted 69999/70000");
  CHECK(summary(fail(jail, "192.0.2.1", kNoon)) == "ban 192.0.2.1");
}

TEST_CASE("Options out of bounds are refused by name") {
  World world;
  const auto refused = [&](auto change) {
    JailOptions options = World::options();
    change(options);
    const auto jail = Jail::create(options, world.context());
    return jail ? "accepted" : jail.error().message();
  };
  CHECK(refused([](JailOptions& o) { o.maxretry = 0; }) ==
        "jail test: maxretry = 0 is not from 1 to 1000000");
  const auto many = [](JailOptions& o) {
    o.maxretry = 1'000'000;
    o.counting = Counting::kCompat;
    o.ipv4_widen.clear();
    o.ipv6_widen.clear();
  };
  CHECK(refused(many) == "accepted");
  constexpr auto* kTakes =
      "jail test: maxretry = 1000000 is more than 10000: that takes counting = compat, outcome = "
      "ban, ipv4.widen = none and ipv6.widen = none";
  CHECK(refused([&](JailOptions& o) {
          many(o);
          o.counting = Counting::kWindow;
        }) == kTakes);
  CHECK(refused([&](JailOptions& o) {
          many(o);
          o.outcome = Outcome::kAlert;
        }) == kTakes);
  CHECK(refused([&](JailOptions& o) {
          many(o);
          o.ipv4_widen = {{24, 16}};
        }) == kTakes);
  CHECK(refused([&](JailOptions& o) {
          many(o);
          o.maxretry = 1'000'001;
        }) == "jail test: maxretry = 1000001 is not from 1 to 1000000");
  CHECK(refused([](JailOptions& o) { o.findtime = 0s; }) ==
        "jail test: findtime is not from 1s to 366d");
  CHECK(refused([](JailOptions& o) { o.bantime = 0s; }) ==
        "jail test: bantime is neither from 1s to 50 years nor -1 (permanent)");
  CHECK(refused([](JailOptions& o) { o.sources = 0; }) ==
        "jail test: sources = 0 is not from 100 to 10000000");
  CHECK(refused([](JailOptions& o) { o.ipv6_prefix = 32; }) ==
        "jail test: ipv6.prefix = 32 is not from 48 to 128");
  CHECK(refused([](JailOptions& o) { o.ipv6_widen = {{48, 8}, {56, 8}}; }) ==
        "jail test: ipv6.widen: /56 is not from /32 to /47 (each step is wider than the one "
        "before)");
  CHECK(refused([](JailOptions& o) { o.ipv4_widen = {{24, 1}}; }) ==
        "jail test: ipv4.widen: number of children of /24 = 1 is not from 2 to 256");
  CHECK(refused([](JailOptions& o) { o.increment.multipliers = {1, -2}; }) ==
        "jail test: bantime.multipliers holds a number that is not greater than 0");
  CHECK(refused([](JailOptions& o) {
          o.increment.enabled = true;
          o.increment.formula = "ban.Time.x";
        }) ==
        "jail test: bantime.formula: at character 1: 'ban.Time.x' is not known; known are "
        "ban.Time, ban.Count, banFactor, math.exp, math.log, math.pow, math.sqrt, min, max, float "
        "and int");
}

TEST_CASE("forget() begins a source anew") {
  World world;
  Jail jail = world.make();
  fail(jail, "2001:db8::1", kNoon);
  fail(jail, "2001:db8::2", kNoon);
  jail.forget(prefix("2001:db8::3"));
  CHECK(summary(fail(jail, "2001:db8::1", kNoon)) == "counted 1/5");
}

TEST_CASE("tick() forgets what is too old and gives the memory back") {
  World world;
  Jail jail = world.make();
  const std::size_t idle = jail.counters().memory;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    fail(jail, net::Prefix(net::IpAddress::v4(0x0B000000 + i * 7)), kNoon);
  }
  CHECK(jail.counters().sources == 20'000);
  CHECK(jail.counters().memory > idle + 20'000 * 29);
  for (int i = 0; i < 32; ++i) {
    jail.tick(kNoon + 1200s);
  }
  CHECK(jail.counters().sources == 20'000);  // a late finding could still need them
  for (int i = 0; i < 32; ++i) {
    jail.tick(kNoon + 1211s);
  }
  CHECK(jail.counters().sources == 0);
  CHECK(jail.counters().memory == idle);
}

}  // namespace
}  // namespace warder::jail
