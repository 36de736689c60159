// Jails that alert: what is counted as one, how often it is told, and what a restart knows.
#include "world.h"

#include <chrono>
#include <string>

using namespace warder;
using namespace warder::jail;
using namespace std::chrono_literals;

namespace {

JailOptions alerting(std::vector<std::string> key, std::uint32_t maxretry) {
  JailOptions options = World::options();
  options.outcome = Outcome::kAlert;
  options.key = std::move(key);
  options.maxretry = maxretry;
  options.findtime = 5min;
  options.quiet = 1h;
  return options;
}

model::Finding by(const std::string& role, const std::string& path, util::WallTime time,
                  const char* address = "192.0.2.7") {
  model::Finding finding = finding_of(prefix(address), time);
  finding.captures = {{"role", role}, {"path", path}};
  return finding;
}

std::string said(const Decision& decision) {
  std::string text(to_string(decision.kind));
  if (decision.kind == DecisionKind::kIgnored) {
    text += ": " + std::string(to_string(decision.ignored));
  }
  return text;
}

}  // namespace

TEST_CASE("an alert comes with the finding that completes the number, and is told once") {
  World world;
  Jail jail = world.make(alerting({"role", "address"}, 3));
  CHECK(said(jail.on_finding(by("web", "a", kNoon), kNoon)) == "counted");
  CHECK(said(jail.on_finding(by("db", "a", kNoon), kNoon)) == "counted");
  CHECK(said(jail.on_finding(by("web", "a", kNoon + 1min), kNoon + 1min)) == "counted");
  const Decision alert = jail.on_finding(by("web", "a", kNoon + 5min), kNoon + 5min);
  CHECK(said(alert) == "alert");
  CHECK(alert.key == "role web");
  CHECK(alert.count == 3);
  CHECK(said(jail.on_finding(by("web", "a", kNoon + 6min), kNoon + 6min)) ==
        "ignored: told already");
  CHECK(jail.counters().alerts == 1);
  CHECK(jail.counters().quiet == 1);
  // Afterwards the count begins anew.
  const util::WallTime later = kNoon + 5min + 1h + 1s;
  CHECK(said(jail.on_finding(by("web", "a", later), later)) == "counted");
  // Nobody is kept out.
  CHECK(world.bans.size() == 0);
}

TEST_CASE("addresses that no ban may hit are counted like others; ignoreip is not") {
  World world;
  JailOptions options = alerting({"address"}, 1);
  options.ignoreip = {prefix("10.0.0.0/8")};
  Jail jail = world.make(options);
  jail.set_host_addresses({{prefix("192.0.2.7")}, {prefix("192.0.2.8")}, {prefix("192.0.2.9")}});
  for (const char* address : {"127.0.0.1", "192.0.2.7", "192.0.2.8", "192.0.2.9", "2001:db8::1"}) {
    INFO(address);
    CHECK(said(jail.on_finding(by("", "", kNoon, address), kNoon)) == "alert");
  }
  // One host has a whole /64.
  CHECK(said(jail.on_finding(by("", "", kNoon, "2001:db8::2"), kNoon)) == "ignored: told already");
  CHECK(said(jail.on_finding(by("", "", kNoon, "10.1.2.3"), kNoon)) == "ignored: ignoreip");
  model::Finding nobody = by("", "", kNoon);
  nobody.without_address = true;
  CHECK(said(jail.on_finding(nobody, kNoon)) == "ignored: no key");
}

TEST_CASE("distinct counts a value once within findtime") {
  World world;
  JailOptions options = alerting({"role"}, 3);
  options.distinct = "path";
  Jail jail = world.make(options);
  CHECK(said(jail.on_finding(by("web", "a", kNoon), kNoon)) == "counted");
  for (int i = 0; i < 10; ++i) {
    CHECK(said(jail.on_finding(by("web", "a", kNoon + 1min), kNoon + 1min)) ==
          "ignored: seen before");
  }
  CHECK(said(jail.on_finding(by("web", "b", kNoon + 2min), kNoon + 2min)) == "counted");
  CHECK(said(jail.on_finding(by("db", "c", kNoon + 2min), kNoon + 2min)) == "counted");
  // The first one is no longer within the window: two of three.
  CHECK(said(jail.on_finding(by("web", "c", kNoon + 6min), kNoon + 6min)) == "counted");
  const Decision alert = jail.on_finding(by("web", "a", kNoon + 6min + 1s), kNoon + 6min + 1s);
  CHECK(said(alert) == "alert");
  CHECK(alert.value == "a");
}

TEST_CASE("with learn a value alerts that its key never had, once the key is known") {
  World world;
  JailOptions options = alerting({"role"}, 5);
  options.distinct = "path";
  options.findtime = 24h;
  options.learn = 2h;
  options.quiet = 0s;
  Jail jail = world.make(options);
  const auto judge = [&](const char* role, const char* path, util::WallTime time) {
    return said(jail.on_finding(by(role, path, time), time));
  };
  CHECK(judge("web", "a", kNoon) == "counted");
  CHECK(judge("web", "a", kNoon + 1h) == "ignored: seen before");
  CHECK(judge("web", "b", kNoon + 1h) == "counted");
  CHECK(judge("web", "c", kNoon + 2h) == "alert");
  CHECK(judge("web", "c", kNoon + 2h) == "ignored: seen before");
  // A field that is not there says nothing.
  CHECK(judge("web", "", kNoon + 2h) == "ignored: no key");
  CHECK(judge("db", "c", kNoon + 2h) == "counted");
  CHECK(judge("db", "d", kNoon + 3h) == "counted");
  // Seen all the time a value stays known, and hardly anything is stored for it.
  unsigned noted = 0;
  for (auto time = kNoon + 3h; time <= kNoon + 99h; time += 10min) {
    const std::string what = judge("web", "a", time);
    CHECK(what != "alert");
    noted += what == "counted" ? 1 : 0;
  }
  CHECK(noted == 33);  // each three hours
  const Decision alert = jail.on_finding(by("web", "b", kNoon + 99h), kNoon + 99h);
  CHECK(said(alert) == "alert");  // not had for four days
  CHECK(alert.key == "role web");
  CHECK(alert.value == "b");
  // A key that was away for findtime is learned anew.
  CHECK(judge("db", "e", kNoon + 99h) == "counted");
  CHECK(judge("db", "f", kNoon + 100h) == "counted");
  CHECK(judge("db", "g", kNoon + 101h) == "alert");
}

TEST_CASE("what comes while a key is quiet is new afterwards, and without learning the second is") {
  World world;
  JailOptions options = alerting({"role"}, 1);
  options.distinct = "address";
  options.findtime = 24h;
  options.learn = 0s;
  options.quiet = 1h;
  Jail jail = world.make(options);
  const auto judge = [&](const char* address, util::WallTime time) {
    return said(jail.on_finding(by("web", "", time, address), time));
  };
  CHECK(judge("192.0.2.1", kNoon) == "counted");
  CHECK(judge("192.0.2.2", kNoon + 1min) == "alert");
  CHECK(judge("192.0.2.3", kNoon + 2min) == "ignored: told already");
  CHECK(judge("192.0.2.1", kNoon + 2h) == "ignored: seen before");
  CHECK(judge("192.0.2.2", kNoon + 2h) == "ignored: seen before");
  CHECK(judge("192.0.2.3", kNoon + 2h) == "alert");
}

TEST_CASE("the hour of the day is a value like others, in UTC") {
  World world;
  JailOptions options = alerting({"role"}, 1);
  options.distinct = "hour";
  options.findtime = 720h;
  options.learn = 24h;
  Jail jail = world.make(options);
  const auto midnight = std::chrono::floor<std::chrono::days>(kNoon);
  const auto judge = [&](util::WallTime time) {
    return jail.on_finding(by("web", "", time), time);
  };
  for (int day = 0; day < 5; ++day) {
    for (const auto hour : {8h, 9h, 16h}) {
      CHECK(judge(midnight + 24h * day + hour + 59min).kind != DecisionKind::kAlert);
    }
  }
  const Decision night = judge(midnight + 120h + 3h);
  CHECK(said(night) == "alert");
  CHECK(night.value == "03");
  CHECK(said(judge(midnight + 120h + 8h)) == "ignored: seen before");
  CHECK(said(judge(midnight + 120h + 9h + 59min + 59s)) == "ignored: seen before");
  CHECK(judge(midnight + 120h + 10h).value == "10");
}

TEST_CASE("a flood of values is bounded") {
  World world;
  JailOptions options = alerting({"role"}, 1);
  options.distinct = "path";
  options.findtime = 720h;
  options.learn = 1h;
  options.quiet = 0s;
  options.sources = 100;
  Jail jail = world.make(options);
  for (int i = 0; i < 20'000; ++i) {
    jail.on_finding(by("web", std::to_string(i), kNoon), kNoon);
    jail.on_finding(by(std::to_string(i), "a", kNoon), kNoon);
  }
  CHECK(jail.counters().sources <= 100);
  CHECK(jail.counters().memory < 64 * 1024);
}

TEST_CASE("a trigger alerts only after what it waits for") {
  World world;
  JailOptions options = alerting({"role"}, 3);
  options.trigger = "success";
  options.trigger_pattern = 1;
  Jail jail = world.make(options);
  const auto success = [](const std::string& role, util::WallTime time) {
    model::Finding finding = by(role, "", time);
    finding.pattern = 1;
    return finding;
  };
  CHECK(said(jail.on_finding(success("web", kNoon), kNoon)) == "ignored: expected");
  for (int i = 0; i < 5; ++i) {
    CHECK(said(jail.on_finding(by("web", "", kNoon), kNoon)) == "counted");
  }
  CHECK(said(jail.on_finding(success("db", kNoon), kNoon)) == "ignored: expected");
  CHECK(said(jail.on_finding(success("web", kNoon + 1min), kNoon + 1min)) == "alert");
}

TEST_CASE("what is assigned to an identity is expected of it") {
  World world;
  JailOptions options = alerting({"role", "display"}, 1);
  options.quiet = 0s;
  options.outside = Outside::kPaths;
  options.paths = {"web: secret/data/web/* secret/data/shared", "db*: secret/data/db/*"};
  Jail jail = world.make(options);
  const auto judge = [&](const char* role, const char* path) {
    return said(jail.on_finding(by(role, path, kNoon), kNoon));
  };
  CHECK(judge("web", "secret/data/web/a") == "ignored: expected");
  CHECK(judge("web", "secret/data/shared") == "ignored: expected");
  CHECK(judge("web", "secret/data/shared2") == "alert");
  CHECK(judge("db7", "secret/data/db/a") == "ignored: expected");
  CHECK(judge("db7", "secret/data/web/a") == "alert");
  CHECK(judge("unnamed", "secret/data/web/a") == "ignored: expected");
  options.paths.push_back("*:");
  options.name = "strict";
  Jail strict = world.make(options, 2);
  CHECK(said(strict.on_finding(by("unnamed", "secret/data/web/a", kNoon), kNoon)) == "alert");
  CHECK(said(strict.on_finding(by("web", "secret/data/web/a", kNoon), kNoon)) ==
        "ignored: expected");

  options.outside = Outside::kNetworks;
  options.networks = {"web: 192.0.2.0/24 2001:db8::/32"};
  options.name = "from";
  Jail from = world.make(options, 3);
  CHECK(said(from.on_finding(by("web", "", kNoon, "192.0.2.200"), kNoon)) == "ignored: expected");
  CHECK(said(from.on_finding(by("web", "", kNoon, "198.51.100.9"), kNoon)) == "alert");
}

TEST_CASE("a restart before every finding changes nothing") {
  struct Stored {
    DecisionKind kind;
    std::string key, value;
    util::WallTime time;
  };
  struct Case {
    std::string distinct;
    std::optional<std::chrono::microseconds> learn;
  };
  for (const Case& each : {Case{"", {}}, Case{"path", {}}, Case{"path", 0s}, Case{"path", 3min}}) {
    JailOptions options = alerting({"role"}, 4);
    options.distinct = each.distinct;
    options.learn = each.learn;
    options.quiet = 2min;
    World steady_world;
    Jail steady = steady_world.make(options);
    std::vector<Stored> history;
    std::uint64_t random = 7;
    util::WallTime now = kNoon;
    std::size_t alerts = 0;
    for (int i = 0; i < 300; ++i) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      // Sometimes longer than findtime, after which what is learned begins anew.
      now += std::chrono::seconds(random >> 59U) + ((random >> 52U & 31U) == 0 ? 6min : 0min);
      const model::Finding finding =
          by(random >> 40U & 1U ? "web" : "db",
             std::string(1, static_cast<char>('a' + (random >> 44U & 7U))), now);
      World world;
      Jail anew = world.make(options);
      for (const Stored& stored : history) {
        if (stored.time >= now - anew.history_needed()) {
          anew.restore_counted(stored.key, stored.value, stored.time, 1);
          if (stored.kind == DecisionKind::kAlert) {
            anew.restore_alert(stored.key, stored.time);
          }
        }
      }
      anew.restore_done();
      const Decision decision = steady.on_finding(finding, now);
      const Decision other = anew.on_finding(finding, now);
      INFO(i);
      REQUIRE(said(decision) == said(other));
      REQUIRE(decision.count == other.count);
      if (decision.kind != DecisionKind::kIgnored) {
        history.push_back({decision.kind, decision.key, decision.value, decision.time});
      }
      alerts += decision.kind == DecisionKind::kAlert ? 1 : 0;
    }
    CHECK(alerts > 3);
  }
}

TEST_CASE("new options keep what is counted") {
  World world;
  Jail old = world.make(alerting({"role"}, 3));
  old.on_finding(by("web", "", kNoon), kNoon);
  old.on_finding(by("web", "", kNoon), kNoon);
  Jail jail = world.make(alerting({"role"}, 3));
  jail.adopt(std::move(old));
  CHECK(jail.key_state("role web", kNoon).count == 2);
  CHECK(said(jail.on_finding(by("web", "", kNoon), kNoon)) == "alert");
  CHECK(jail.key_state("role web", kNoon).quiet);
}

TEST_CASE("a jail that bans passes over lines that blame nobody") {
  World world;
  Jail jail = world.make();
  model::Finding nobody = finding_of(prefix("192.0.2.7"), kNoon);
  nobody.without_address = true;
  CHECK(said(jail.on_finding(nobody, kNoon)) == "ignored: no address");
}
