#include "unit/jail/world.h"

#include <catch2/catch.hpp>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSources = 100'000;

// Distinct addresses that share no /24.
net::Prefix source(std::uint32_t number) {
  return net::Prefix(net::IpAddress::v4(0x10000000 + number * 256));
}

enum class Order { kInTurns, kOneAfterTheOther };

// A17: every source stops one failure under the limit.
void first_wave(Jail& jail, Order order) {
  for (std::uint32_t i = 0; i < 4 * kSources; ++i) {
    const std::uint32_t number = order == Order::kInTurns ? i % kSources : i / 4;
    const Decision decision = fail(jail, source(number), kNoon + std::chrono::milliseconds(i / 4));
    REQUIRE(decision.kind == DecisionKind::kCounted);
  }
}
std::uint32_t second_wave(Jail& jail) {
  std::uint32_t bans = 0;
  for (std::uint32_t i = 0; i < kSources; ++i) {
    const Decision decision = fail(jail, source(i), kNoon + 200s);
    REQUIRE((decision.kind == DecisionKind::kCounted || decision.kind == DecisionKind::kBan));
    bans += decision.kind == DecisionKind::kBan ? 1 : 0;
  }
  return bans;
}

TEST_CASE("A17: 100,000 sources one failure under the limit, then one more each, fit the table") {
  World world;
  Jail jail = world.make();
  first_wave(jail, GENERATE(Order::kInTurns, Order::kOneAfterTheOther));
  CHECK(world.bans.size() == 0);
  CHECK(jail.counters().memory < 5'500'000);
  CHECK(second_wave(jail) == kSources);
  CHECK(world.bans.size() == kSources);
  CHECK(jail.counters().sources_evicted == 0);
}

TEST_CASE("A17: with room for half of them nobody is banned wrongly and most who fit are banned") {
  World world;
  JailOptions options = World::options();
  options.sources = kSources / 2;
  Jail jail = world.make(options);
  const Order order = GENERATE(Order::kInTurns, Order::kOneAfterTheOther);
  first_wave(jail, order);
  CHECK(world.bans.size() == 0);
  CHECK(jail.counters().sources == options.sources);
  CHECK(jail.counters().memory < 2'800'000);
  const std::uint32_t bans = second_wave(jail);
  CHECK(bans <= options.sources);
  CHECK(bans > options.sources * 6 / 10);
  CHECK(jail.counters().sources_evicted > kSources / 4);
  const auto notices = jail.take_last_notices(kNoon + 300s);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].kind == NoticeKind::kSourcesEvicted);
  CHECK(notices[0].count == jail.counters().sources_evicted);
}

TEST_CASE("A flood of newcomers does not push out who is near the limit") {
  World world;
  JailOptions options = World::options();
  options.sources = 1000;
  Jail jail = world.make(options);
  for (int i = 0; i < 4; ++i) {
    fail(jail, "192.0.2.1", kNoon);
  }
  for (std::uint32_t i = 0; i < kSources; ++i) {
    fail(jail, source(i), kNoon + 1s);
  }
  CHECK(summary(fail(jail, "192.0.2.1", kNoon + 2s)) == "ban 192.0.2.1");
}

TEST_CASE("Who is past findtime makes room first") {
  World world;
  JailOptions options = World::options();
  options.sources = 1000;
  Jail jail = world.make(options);
  for (std::uint32_t i = 0; i < 4 * 1000; ++i) {
    fail(jail, source(i % 1000), kNoon);
  }
  for (std::uint32_t i = 0; i < 500; ++i) {
    fail(jail, source(10'000 + i), kNoon + 601s);
  }
  CHECK(jail.counters().sources == 1000);
  // A neighbourhood may hold newcomers only, rarely.
  CHECK(jail.counters().sources_evicted < 10);
}

}  // namespace
}  // namespace warder::jail
