#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <variant>
#include <vector>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

// What the store keeps, in its order.
struct Unban {
  net::Prefix address;
};
struct StoredFinding {
  net::Prefix address;
  util::WallTime time;
  std::uint32_t attempts;
};
using Stored = std::variant<StoredFinding, model::Ban, Unban>;

// An agent's life with one jail: what happens is stored, and a restart brings back from the store
// what the engine brings back.
class Life {
 public:
  explicit Life(const JailOptions& options) : options_(options), jail_(world_.make(options)) {}

  Decision finding(const net::Prefix& address, util::WallTime now, std::uint32_t attempts,
                   std::chrono::microseconds late) {
    world_.bans.expire(now, 1'000'000,
                       [&](const ActiveBan& ban) { stored_.push_back(Unban{ban.address}); });
    model::Finding finding = finding_of(address, now - late);
    finding.attempts = attempts;
    Decision decision = jail_.on_finding(finding, now);
    if (decision.kind != DecisionKind::kIgnored) {
      stored_.push_back(StoredFinding{address, decision.time, attempts});
    }
    if (decision.kind == DecisionKind::kBan) {
      stored_.push_back(*decision.ban);
    }
    return decision;
  }

  void unban(const net::Prefix& address) {
    if (world_.bans.remove(1, address)) {
      stored_.push_back(Unban{address});
    }
  }

  void restart(util::WallTime now) {
    world_ = World{};
    jail_ = world_.make(options_);
    std::map<net::Prefix, OffenderTable::History> histories;
    std::map<net::Prefix, model::Ban> active;
    for (const Stored& item : stored_) {
      if (const auto* ban = std::get_if<model::Ban>(&item)) {
        histories[ban->address] = {ban->count, ban->start};
        active[ban->address] = *ban;
      } else if (const auto* unban = std::get_if<Unban>(&item)) {
        active.erase(unban->address);
      }
    }
    for (const auto& [address, history] : histories) {
      if (!options_.increment.enabled) {
        break;
      }
      world_.offenders.set_history(1, address, history);
    }
    for (const auto& [address, ban] : active) {
      if (!ban.end || *ban.end > now) {
        world_.bans.add({1, address, ban.end, false, is_wide(address)});
      } else {
        stored_.push_back(Unban{address});  // it ended while nobody was there
      }
    }
    for (const Stored& item : stored_) {
      if (const auto* finding = std::get_if<StoredFinding>(&item)) {
        jail_.restore_finding(finding->address, finding->time, finding->attempts);
      } else if (const auto* ban = std::get_if<model::Ban>(&item)) {
        jail_.restore_ban(*ban);
      } else {
        jail_.restore_unban(std::get<Unban>(item).address);
      }
    }
    jail_.restore_done();
  }

  // What a store with that retention has left.
  void drop_before(util::WallTime time) {
    std::erase_if(stored_, [&](const Stored& item) {
      const auto* finding = std::get_if<StoredFinding>(&item);
      return finding != nullptr && finding->time < time;
    });
  }

  void reload() {
    Jail next = world_.make(options_);
    next.adopt(std::move(jail_));
    jail_ = std::move(next);
  }
  void tick(util::WallTime now) { jail_.tick(now); }

 private:
  bool is_wide(const net::Prefix& address) const {
    return address.length() < (address.family() == net::Family::kIpv4 ? 32 : options_.ipv6_prefix);
  }

  JailOptions options_;
  World world_;
  Jail jail_;
  std::vector<Stored> stored_;
};

void compare(const Decision& left, const Decision& right) {
  REQUIRE(summary(left) == summary(right));
  REQUIRE(left.count == right.count);
  REQUIRE(left.limit == right.limit);
  REQUIRE(left.ban.has_value() == right.ban.has_value());
  if (left.ban) {
    REQUIRE(*left.ban == *right.ban);
  }
}

// Sources of a few dense networks and some others.
net::Prefix random_source(std::mt19937& random) {
  const auto low = static_cast<std::uint32_t>(random() % 12);
  if (random() % 2 == 0) {
    return net::Prefix(net::IpAddress::v4(0xCB007100 + low * (random() % 4 == 0 ? 777 : 1)));
  }
  return net::Prefix(
      net::IpAddress::v6({0x20, 0x01, 0x0D, 0xB8, 0, 1, 0, static_cast<std::uint8_t>(low), 0, 0, 0,
                          0, 0, 0, 0, static_cast<std::uint8_t>(random() % 3)}));
}

// Runs one life through and another one with interruptions; both must decide the same.
template <typename Interrupt>
int compare_lives(const JailOptions& options, unsigned seed, int findings, Interrupt interrupt) {
  std::mt19937 random(seed);
  Life through(options);
  Life broken(options);
  util::WallTime now = kNoon;
  int bans = 0;
  for (int i = 0; i < findings; ++i) {
    now += std::chrono::milliseconds(random() % 40'000);
    const net::Prefix source = random_source(random);
    const std::uint32_t attempts = random() % 10 == 0 ? 2 : 1;
    const auto late = std::chrono::seconds(random() % 5 == 0 ? random() % 50 : 0);
    interrupt(broken, now);
    const Decision decision = through.finding(source, now, attempts, late);
    compare(decision, broken.finding(source, now, attempts, late));
    bans += decision.kind == DecisionKind::kBan ? 1 : 0;
    if (random() % 50 == 0) {
      through.unban(source);
      broken.unban(source);
    }
  }
  return bans;
}

JailOptions options_for(Counting counting, bool increment) {
  JailOptions options = World::options();
  options.counting = counting;
  options.bantime = 300s;
  options.increment.enabled = increment;
  options.ipv4_widen = {{24, 4}};
  options.ipv6_widen = {{56, 4}};
  return options;
}

TEST_CASE("A run with a restart at every finding decides as one without", "[model]") {
  const Counting counting = GENERATE(Counting::kWindow, Counting::kCompat);
  const bool increment = GENERATE(false, true);
  const int bans = compare_lives(options_for(counting, increment), 1, 500,
                                 [](Life& life, util::WallTime now) { life.restart(now); });
  CHECK(bans > 10);
}

TEST_CASE("The window needs no findings older than twice findtime", "[model]") {
  const int bans = compare_lives(options_for(Counting::kWindow, false), 2, 500,
                                 [](Life& life, util::WallTime now) {
                                   life.drop_before(now - 1200s);  // Jail::history_needed()
                                   life.restart(now);
                                 });
  CHECK(bans > 10);
}

TEST_CASE("Reloads and ticks between findings change no decision", "[model]") {
  const Counting counting = GENERATE(Counting::kWindow, Counting::kCompat);
  const int bans =
      compare_lives(options_for(counting, true), 3, 3000, [](Life& life, util::WallTime now) {
        life.reload();
        for (int i = 0; i < 16; ++i) {
          life.tick(now);
        }
      });
  CHECK(bans > 40);
}

TEST_CASE("A reload with other options keeps the counts that fit") {
  World world;
  JailOptions options = World::options();
  options.counting = GENERATE(Counting::kWindow, Counting::kCompat);
  Jail jail = world.make(options);
  for (int i = 0; i < 3; ++i) {
    fail(jail, "192.0.2.1", kNoon + i * 100s);
  }
  SECTION("a lower maxretry") { options.maxretry = 4; }
  SECTION("a higher maxretry, counted in runs") { options.maxretry = 100; }
  SECTION("the other counting") {
    options.counting =
        options.counting == Counting::kWindow ? Counting::kCompat : Counting::kWindow;
  }
  SECTION("fewer sources") { options.sources = 100; }
  Jail next = world.make(options);
  next.adopt(std::move(jail));
  CHECK(next.state(prefix("192.0.2.1"), kNoon + 200s).count == 3);
  CHECK(fail(next, "192.0.2.1", kNoon + 201s).count == 4);
  CHECK(next.counters().findings == 4);
}

TEST_CASE("A shorter findtime forgets at once what it no longer covers") {
  World world;
  JailOptions options = World::options();
  Jail jail = world.make(options);
  for (int i = 0; i < 4; ++i) {
    fail(jail, "192.0.2.1", kNoon + i * 100s);
  }
  options.findtime = 150s;
  Jail next = world.make(options);
  next.adopt(std::move(jail));
  CHECK(summary(fail(next, "192.0.2.1", kNoon + 301s)) == "counted 3/5");
}

}  // namespace
}  // namespace warder::jail
