#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

// An address of 2001:db8::/32 by its third and fourth group and its last 32 bits.
net::Prefix v6(std::uint16_t site, std::uint16_t subnet, std::uint32_t host) {
  return net::Prefix(net::IpAddress::v6(
      {0x20, 0x01, 0x0D, 0xB8, static_cast<std::uint8_t>(site >> 8U),
       static_cast<std::uint8_t>(site), static_cast<std::uint8_t>(subnet >> 8U),
       static_cast<std::uint8_t>(subnet), 0, 0, 0, 0, static_cast<std::uint8_t>(host >> 24U),
       static_cast<std::uint8_t>(host >> 16U), static_cast<std::uint8_t>(host >> 8U),
       static_cast<std::uint8_t>(host)}));
}

struct Attack {
  std::vector<std::string> bans;  // in order
  int until_last_ban = 0;         // findings up to the last ban
};

// Ten thousand findings within 100 s.
template <typename Address>
Attack attack(Jail& jail, Address address) {
  Attack result;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const Decision decision = fail(jail, address(i), kNoon + i * 10ms);
    if (decision.kind == DecisionKind::kBan) {
      result.bans.push_back(decision.ban->address.to_string());
      result.until_last_ban = static_cast<int>(i) + 1;
    }
  }
  return result;
}

// A05
TEST_CASE("10,000 addresses of one /64 are one ban at the fifth finding") {
  World world;
  Jail jail = world.make();
  const Attack result = attack(jail, [](std::uint32_t i) { return v6(1, 1, i); });
  CHECK(result.bans == std::vector<std::string>{"2001:db8:1:1::/64"});
  CHECK(result.until_last_ban == 5);
  CHECK(world.bans.size() == 1);
  CHECK(summary(fail(jail, v6(1, 2, 1), kNoon + 101s)) == "counted 1/5");
}

TEST_CASE("10,000 addresses of one /56 are one ban of the /56 after 40 findings") {
  World world;
  Jail jail = world.make();
  const Attack result = attack(
      jail, [](std::uint32_t i) { return v6(1, static_cast<std::uint16_t>(0x1200 + i % 256), i); });
  // 8 children x maxretry 5; nobody of the 256 networks has come to five by then.
  CHECK(result.bans == std::vector<std::string>{"2001:db8:1:1200::/56"});
  CHECK(result.until_last_ban == 40);
  CHECK(world.bans.wide(1) == 1);
  // Neighbours outside are not affected.
  CHECK(summary(fail(jail, v6(1, 0x1300, 1), kNoon + 101s)) == "counted 1/5");
  CHECK(summary(fail(jail, v6(1, 0x11FF, 1), kNoon + 101s)) == "counted 1/5");
}

TEST_CASE("10,000 addresses of one /48 are one ban of the /48 after 40 findings") {
  World world;
  Jail jail = world.make();
  std::mt19937 random(48);
  const Attack result =
      attack(jail, [&](std::uint32_t i) { return v6(1, static_cast<std::uint16_t>(random()), i); });
  CHECK(result.bans == std::vector<std::string>{"2001:db8:1::/48"});
  CHECK(result.until_last_ban == 40);
  CHECK(summary(fail(jail, v6(2, 0, 1), kNoon + 101s)) == "counted 1/5");
  CHECK(summary(fail(jail, v6(0, 0xFFFF, 1), kNoon + 101s)) == "counted 1/5");
}

TEST_CASE("A /24 with sixteen attackers is banned, its neighbours are not") {
  World world;
  Jail jail = world.make();
  const Attack result = attack(
      jail, [](std::uint32_t i) { return net::Prefix(net::IpAddress::v4(0xCB007100 + i % 200)); });
  CHECK(result.bans == std::vector<std::string>{"203.0.113.0/24"});
  CHECK(result.until_last_ban == 80);
  CHECK(summary(fail(jail, "203.0.112.255", kNoon + 101s)) == "counted 1/5");
  CHECK(summary(fail(jail, "203.0.114.0", kNoon + 101s)) == "counted 1/5");
}

TEST_CASE("A wider ban says what it rests on") {
  World world;
  JailOptions options = World::options();
  options.ipv4_widen = {{24, 2}};
  Jail jail = world.make(options);
  Decision decision;
  for (int i = 0; i < 10; ++i) {
    decision = fail(jail, i % 3 == 0 ? "203.0.113.1" : "203.0.113.2", kNoon);
    if (i == 7) {
      CHECK(summary(decision) == "ban 203.0.113.2");
    }
  }
  CHECK(summary(decision) == "counted 4/5");
  // The ninth finding came from a banned address and was not counted.
  decision = fail(jail, "203.0.113.1", kNoon);
  CHECK(summary(decision) == "ban 203.0.113.0/24");
  CHECK(decision.count == 10);
  CHECK(decision.limit == 10);
  CHECK(decision.ban->reason == "10 findings from 2 of its addresses in 10m");
  CHECK(world.bans.covering(1, prefix("203.0.113.77"), kNoon)->wide);
}

TEST_CASE("Slow attackers are widened by the bans that are in effect") {
  World world;
  JailOptions options = World::options();
  options.bantime.reset();
  options.ipv6_widen = {{56, 3}, {48, 2}};
  Jail jail = world.make(options);
  // Each /64 attacks alone, half an hour after the one before.
  std::vector<std::string> bans;
  util::WallTime now = kNoon;
  std::string reason;
  for (const std::uint16_t subnet :
       std::initializer_list<std::uint16_t>{0, 1, 2, 0x100, 0x101, 0x102}) {
    now += 30min;
    for (std::uint32_t i = 0; i < 5; ++i) {
      const Decision decision = fail(jail, v6(1, subnet, i), now);
      if (decision.kind == DecisionKind::kBan) {
        bans.push_back(decision.ban->address.to_string());
        reason = decision.ban->reason;
      }
    }
  }
  // The third /64 makes it the /56, the second /56 the /48.
  CHECK(bans == std::vector<std::string>{"2001:db8:1::/64", "2001:db8:1:1::/64", "2001:db8:1::/56",
                                         "2001:db8:1:100::/64", "2001:db8:1:101::/64",
                                         "2001:db8:1::/48"});
  CHECK(reason == "2 of its /56 networks are banned");
}

TEST_CASE("A prefix that holds somebody who is never banned is not banned as a whole") {
  World world;
  JailOptions options = World::options();
  options.ignoreip = {prefix("203.0.113.200")};
  Jail jail = world.make(options);
  const Attack result = attack(
      jail, [](std::uint32_t i) { return net::Prefix(net::IpAddress::v4(0xCB007100 + i % 100)); });
  CHECK(result.bans.size() == 100);
  CHECK(world.bans.wide(1) == 0);
  CHECK(summary(fail(jail, "203.0.113.200", kNoon)) == "ignored: ignoreip");
}

TEST_CASE("No more wider bans are made than the cost cap allows") {
  World world;
  JailOptions options = World::options();
  options.widen_limit = 3;
  Jail jail = world.make(options);
  // Twenty sites, each attacking from all of its networks.
  std::mt19937 random(3);
  std::set<std::string> wide;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    const Decision decision =
        fail(jail, v6(static_cast<std::uint16_t>(i % 20), static_cast<std::uint16_t>(random()), i),
             kNoon);
    if (decision.kind == DecisionKind::kBan && decision.ban->address.length() < 64) {
      wide.insert(decision.ban->address.to_string());
    }
  }
  CHECK(wide.size() == 3);
  CHECK(world.bans.wide(1) == 3);
  CHECK(jail.counters().widening_capped > 0);
  const auto notices = jail.take_last_notices(kNoon);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].kind == NoticeKind::kWideningCapped);
  // When a wider ban ends there is room for the next.
  world.bans.expire(kNoon + 10min, 1'000'000, [](const ActiveBan&) {});
  CHECK(world.bans.wide(1) == 0);
}

TEST_CASE("Without steps nothing is widened, and IPv6 can be counted by address") {
  World world;
  JailOptions options = World::options();
  options.ipv6_prefix = 128;
  options.ipv6_widen.clear();
  options.ipv4_widen.clear();
  Jail jail = world.make(options);
  const Attack v6_attack = attack(jail, [](std::uint32_t i) { return v6(1, 1, i % 1000); });
  CHECK(v6_attack.bans.size() == 1000);
  CHECK(v6_attack.bans[0] == "2001:db8:1:1::");
  const Attack v4_attack = attack(
      jail, [](std::uint32_t i) { return net::Prefix(net::IpAddress::v4(0xCB007100 + i % 100)); });
  CHECK(v4_attack.bans.size() == 100);
}

TEST_CASE("Density is never counted from findings older than findtime") {
  World world;
  JailOptions options = World::options();
  options.ipv4_widen = {{24, 4}};
  options.maxretry = 2;
  Jail jail = world.make(options);
  std::mt19937 random(24);
  std::map<std::uint32_t, std::vector<util::WallTime>> seen;  // by last byte
  std::vector<util::WallTime> all;
  int wide = 0;
  util::WallTime now = kNoon;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::seconds(random() % 200);
    const std::uint32_t host = static_cast<std::uint32_t>(random() % 250);
    const Decision decision = fail(jail, net::Prefix(net::IpAddress::v4(0xCB007100 + host)), now);
    if (decision.kind != DecisionKind::kAlreadyBanned) {
      all.push_back(now);
      seen[host].push_back(now);
    }
    if (decision.kind == DecisionKind::kBan && decision.ban->address.length() == 24 &&
        decision.ban->reason.find("findings") != std::string::npos) {
      ++wide;
      std::size_t children = 0;
      for (const auto& [child, times] : seen) {
        children += times.back() >= now - 600s ? 1 : 0;
      }
      REQUIRE(children >= 4);
      REQUIRE(std::count_if(all.begin(), all.end(),
                            [&](util::WallTime t) { return t >= now - 600s; }) >= 8);
    }
  }
  CHECK(wide > 10);
}

}  // namespace
}  // namespace warder::jail
