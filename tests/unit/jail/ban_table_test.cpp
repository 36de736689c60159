#include "jail/ban_table.h"

#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <random>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;
using Added = BanTable::Added;

ActiveBan ban(JailIndex jail, std::string_view address, std::optional<util::WallTime> end) {
  return {jail, prefix(address), end, false, false};
}

std::vector<ActiveBan> expired(BanTable& table, util::WallTime now) {
  std::vector<ActiveBan> bans;
  table.expire(now, 1'000'000, [&](const ActiveBan& b) { bans.push_back(b); });
  std::sort(bans.begin(), bans.end(), [](const ActiveBan& a, const ActiveBan& b) {
    return std::tie(a.address, a.jail) < std::tie(b.address, b.jail);
  });
  return bans;
}

TEST_CASE("A ban is found by its jail, exactly and from within") {
  BanTable table(test_key());
  CHECK(table.add(ban(1, "2001:db8::/56", kNoon + 60s)) == Added::kNew);
  CHECK(table.find(1, prefix("2001:db8::/56")) == ban(1, "2001:db8::/56", kNoon + 60s));
  CHECK(table.find(2, prefix("2001:db8::/56")) == std::nullopt);
  CHECK(table.find(1, prefix("2001:db8::/64")) == std::nullopt);
  CHECK(table.covering(1, prefix("2001:db8::1"), kNoon) == ban(1, "2001:db8::/56", kNoon + 60s));
  CHECK(table.covering(1, prefix("2001:db8:0:100::1"), kNoon) == std::nullopt);
  CHECK(table.covering(1, prefix("2001:db8::1"), kNoon + 60s) == std::nullopt);
  CHECK(table.covering(2, prefix("2001:db8::1"), kNoon) == std::nullopt);
}

TEST_CASE("Every form of prefix comes back as it went in") {
  BanTable table(test_key());
  std::vector<net::Prefix> prefixes;
  for (const char* text :
       {"0.0.0.0/0", "192.0.2.0/24", "192.0.2.0", "255.255.255.255", "::/0", "c000:200::/24",
        "c000:200::/64", "2001:db8::/63", "2001:db8::/65", "2001:db8::/128", "2001:db8::ffff"}) {
    prefixes.push_back(prefix(text));
    CHECK(table.add({3, prefixes.back(), std::nullopt, false, true}) == Added::kNew);
  }
  std::vector<net::Prefix> found;
  table.for_each([&](const ActiveBan& b) {
    CHECK(b.jail == 3);
    CHECK(b.wide);
    found.push_back(b.address);
  });
  std::sort(found.begin(), found.end());
  std::sort(prefixes.begin(), prefixes.end());
  CHECK(found == prefixes);
  CHECK(table.wide(3) == prefixes.size());
}

TEST_CASE("The later end wins") {
  BanTable table(test_key());
  table.add(ban(1, "192.0.2.1", kNoon + 60s));
  CHECK(table.add(ban(1, "192.0.2.1", kNoon + 30s)) == Added::kUnchanged);
  CHECK(table.add(ban(1, "192.0.2.1", kNoon + 90s)) == Added::kExtended);
  CHECK(table.find(1, prefix("192.0.2.1"))->end == kNoon + 90s);
  CHECK(table.add(ban(1, "192.0.2.1", std::nullopt)) == Added::kExtended);
  CHECK(table.add(ban(1, "192.0.2.1", kNoon + 90s)) == Added::kUnchanged);
  CHECK(table.find(1, prefix("192.0.2.1"))->end == std::nullopt);
  CHECK(table.size() == 1);
}

TEST_CASE("An end is rounded up to whole seconds and kept within 32 bits of them") {
  BanTable table(test_key());
  table.add(ban(1, "192.0.2.1", kNoon + 1ms));
  CHECK(table.find(1, prefix("192.0.2.1"))->end == kNoon + 1s);
  CHECK(expired(table, kNoon + 999ms).empty());
  CHECK(expired(table, kNoon + 1s).size() == 1);
  table.add(ban(1, "192.0.2.2", kNoon + 24h * 365 * 200));
  CHECK(table.find(1, prefix("192.0.2.2"))->end == kLatestEnd);
}

TEST_CASE("Two jails may hold one prefix, each until its own end") {
  BanTable table(test_key());
  const net::Prefix address = prefix("192.0.2.1");
  table.add(ban(1, "192.0.2.1", kNoon + 60s));
  table.add(ban(2, "192.0.2.1", kNoon + 90s));
  CHECK(table.holders(address).size() == 2);

  SECTION("one is lifted") {
    CHECK(table.remove(2, address) == ban(2, "192.0.2.1", kNoon + 90s));
    CHECK(table.holders(address) == std::vector{ban(1, "192.0.2.1", kNoon + 60s)});
    CHECK(table.remove(2, address) == std::nullopt);
  }
  SECTION("one ends") {
    CHECK(expired(table, kNoon + 60s) == std::vector{ban(1, "192.0.2.1", kNoon + 60s)});
    CHECK(table.holders(address) == std::vector{ban(2, "192.0.2.1", kNoon + 90s)});
    CHECK(expired(table, kNoon + 90s) == std::vector{ban(2, "192.0.2.1", kNoon + 90s)});
    CHECK(table.holders(address).empty());
  }
  SECTION("an enforced one replaces an observed one") {
    table.add({3, address, std::nullopt, true, false});
    CHECK(table.add(ban(3, "192.0.2.1", kNoon + 10s)) == Added::kNew);
    CHECK(table.find(3, address) == ban(3, "192.0.2.1", kNoon + 10s));
  }
}

TEST_CASE("All bans around an address are told, the widest first") {
  BanTable table(test_key());
  table.add(ban(1, "192.0.2.1", kNoon + 60s));
  table.add(ban(2, "192.0.2.0/24", kNoon + 60s));
  table.add(ban(1, "192.0.3.0/24", kNoon + 60s));
  CHECK(table.all_covering(prefix("192.0.2.1")) ==
        std::vector{ban(2, "192.0.2.0/24", kNoon + 60s), ban(1, "192.0.2.1", kNoon + 60s)});
}

TEST_CASE("A jail that is gone gives its bans back") {
  BanTable table(test_key());
  table.add(ban(1, "192.0.2.1", kNoon + 60s));
  table.add(ban(2, "192.0.2.1", kNoon + 60s));
  table.add(ban(1, "2001:db8::1", std::nullopt));
  std::size_t removed = 0;
  table.remove_jail(1, [&](const ActiveBan& b) { removed += b.jail == 1 ? 1 : 100; });
  CHECK(removed == 2);
  CHECK(table.size() == 1);
  CHECK(table.size(1) == 0);
  CHECK(table.size(2) == 1);
}

TEST_CASE("Running bans keep their remaining time when the clock is set") {
  BanTable table(test_key());
  table.add(ban(1, "192.0.2.1", kNoon + 60s));
  table.clock_stepped(24h * 3650);
  CHECK(table.find(1, prefix("192.0.2.1"))->end == kNoon + 24h * 3650 + 60s);
  CHECK(expired(table, kNoon + 24h * 3650 + 59s).empty());
  table.clock_stepped(-24h * 3650 - 1h);
  CHECK(expired(table, kNoon - 1h + 59s).empty());
  CHECK(expired(table, kNoon - 1h + 60s) == std::vector{ban(1, "192.0.2.1", kNoon - 1h + 60s)});
}

TEST_CASE("The siblings of a ban are never reckoned too few") {
  BanTable table(test_key());
  CHECK(table.siblings_at_most(1, prefix("192.0.2.0")) == 0);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 256; ++i) {
      table.add({1, net::Prefix(net::IpAddress::v4(0xC0000200 + i)), kNoon, false, false});
    }
    CHECK(table.siblings_at_most(1, prefix("192.0.2.77")) >= 256);
    CHECK(table.siblings_at_most(2, prefix("192.0.2.77")) == 0);
    CHECK(table.siblings_at_most(1, prefix("192.0.3.77")) == 0);
    expired(table, kNoon);
  }
  table.add({1, prefix("2001:db8:1:5::/64"), kNoon, false, false});
  CHECK(table.siblings_at_most(1, prefix("2001:db8:1:6::/64")) == 1);
  CHECK(table.siblings_at_most(1, prefix("2001:db8:1:600::/64")) == 0);
  table.remove(1, prefix("2001:db8:1:5::/64"));
  CHECK(table.siblings_at_most(1, prefix("2001:db8:1:6::/64")) == 0);
}

TEST_CASE("A full table says so, and what it holds stays") {
  BanTable table(test_key(), 3);
  table.add(ban(1, "192.0.2.1", kNoon));
  table.add(ban(1, "2001:db8::1", kNoon));
  table.add(ban(1, "2001:db8::/64", kNoon));
  CHECK(table.add(ban(1, "192.0.2.2", kNoon)) == Added::kFull);
  CHECK(table.add(ban(1, "192.0.2.1", kNoon + 1s)) == Added::kExtended);
  CHECK(table.size() == 3);
}

TEST_CASE("The table does what a map does", "[model]") {
  std::mt19937 random(11);
  BanTable table(test_key(), 3000);
  std::map<std::pair<net::Prefix, JailIndex>, std::optional<util::WallTime>> model;
  // The first ones' bans of addresses are stored shorter.
  constexpr std::array<JailIndex, 4> kJails{0, 62, 63, 400};
  util::WallTime now = kNoon;
  for (int i = 0; i < 100'000; ++i) {
    now += std::chrono::milliseconds(random() % 2000);
    const auto low = static_cast<std::uint32_t>(random() % 2000);
    const net::IpAddress v6 = net::IpAddress::v6(
        {0x20, 1, 0xD, 0xB8, 0, 0, static_cast<std::uint8_t>(low >> 8U),
         static_cast<std::uint8_t>(low), 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(low)});
    const net::Prefix v4(net::IpAddress::v4(0xC0000000 + low * 2), random() % 4 == 0 ? 31 : 32);
    const net::Prefix address =
        random() % 2 == 0 ? v4 : net::Prefix(v6, random() % 2 == 0 ? 64 : 128);
    const JailIndex jail = kJails[random() % kJails.size()];
    const std::pair key(address, jail);
    if (random() % 3 != 0) {
      const std::optional<util::WallTime> end =
          random() % 20 == 0 ? std::nullopt
                             : std::optional(std::chrono::ceil<std::chrono::seconds>(
                                   now + std::chrono::seconds(random() % 2000)));
      const Added added = table.add({jail, address, end, false, false});
      const auto found = model.find(key);
      if (found != model.end()) {
        const bool later = found->second && (!end || *end > *found->second);
        REQUIRE(added == (later ? Added::kExtended : Added::kUnchanged));
        found->second = later ? end : found->second;
      } else if (model.size() == 3000) {
        REQUIRE(added == Added::kFull);
      } else {
        REQUIRE(added == Added::kNew);
        model[key] = end;
      }
    } else {
      REQUIRE(table.remove(jail, address).has_value() == (model.erase(key) == 1));
    }
    if (random() % 100 == 0) {
      table.expire(now, random() % 2 == 0 ? 1 : 1'000'000, [&](const ActiveBan& b) {
        const auto found = model.find({b.address, b.jail});
        REQUIRE(found != model.end());
        REQUIRE(found->second == b.end);
        REQUIRE(*b.end <= now);
        model.erase(found);
      });
    }
    REQUIRE(table.size() == model.size());
    const std::vector<ActiveBan> holders = table.holders(address);
    REQUIRE(holders.size() == static_cast<std::size_t>(
                                  std::count_if(kJails.begin(), kJails.end(), [&](JailIndex other) {
                                    return model.contains({address, other});
                                  })));
    for (const ActiveBan& b : holders) {
      REQUIRE(b.address == address);
      REQUIRE(b.end == model.at({address, b.jail}));
    }
  }
  table.expire(now, 1'000'000, [&](const ActiveBan& b) { model.erase({b.address, b.jail}); });
  std::size_t seen = 0;
  table.for_each([&](const ActiveBan& b) {
    const auto found = model.find({b.address, b.jail});
    REQUIRE(found != model.end());
    REQUIRE(found->second == b.end);
    REQUIRE((!b.end || *b.end > now));
    ++seen;
  });
  CHECK(seen == model.size());
  CHECK(table.size(0) + table.size(62) + table.size(63) + table.size(400) == seen);
}

TEST_CASE("Whatever its jail, a ban comes back with how it was made") {
  constexpr std::array<JailIndex, 4> kJails{0, 62, 63, 65'000};
  for (const JailIndex jail : kJails) {
    for (const bool observed : {false, true}) {
      for (const bool wide : {false, true}) {
        BanTable table(test_key());
        const ActiveBan made{jail, prefix("192.0.2.1"), kNoon + 1h, observed, wide};
        REQUIRE(table.add(made) == Added::kNew);
        CHECK(table.find(jail, made.address) == made);
        CHECK(table.holders(made.address) == std::vector{made});
        // An enforced ban replaces an observed one.
        ActiveBan enforced = made;
        enforced.observed = false;
        CHECK(table.add(enforced) == (observed ? Added::kNew : Added::kUnchanged));
        CHECK(table.find(jail, made.address) == enforced);
        CHECK(table.size() == 1);
        CHECK(table.remove(jail, made.address) == enforced);
        CHECK(table.size() == 0);
      }
    }
  }
}

TEST_CASE("A limit spreads the expiry over calls and loses nobody") {
  BanTable table(test_key());
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    table.add({1, net::Prefix(net::IpAddress::v4(0x0B000000 + i)), kNoon + 1s, false, false});
  }
  std::size_t total = 0;
  std::size_t calls = 0;
  while (table.size() > 0) {
    const std::size_t count = table.expire(kNoon + 1s, 1000, [](const ActiveBan&) {});
    CHECK((count >= 1000 || table.size() == 0));
    CHECK(count < 3000);
    total += count;
    ++calls;
  }
  CHECK(total == 50'000);
  CHECK(calls > 10);
}

TEST_CASE(
    "A million bans take at most 11 bytes each, 10 when they come at once, and none when they have "
    "ended") {
  BanTable table(test_key());
  const std::size_t empty = table.memory();
  CHECK(empty < 150'000);
  constexpr std::size_t kFilter = 262'144;  // of siblings, made with the first ban
  std::size_t dearest = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    table.add({1, net::Prefix(net::IpAddress::v4(0x0B000000 + i * 13)), kNoon + 1s, false, false});
    if (i % 50'000 == 49'999) {
      dearest = std::max(dearest, (table.memory() - empty - kFilter) / (i + 1));
    }
  }
  CHECK(dearest <= 11);
  CHECK(table.memory() <= 11'500'000);
  CHECK(table.expire(kNoon + 1s, 2'000'000, [](const ActiveBan&) {}) == 1'000'000);
  CHECK(table.memory() <= empty + kFilter);
  table.reserve(1'000'000, 0);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    table.add({1, net::Prefix(net::IpAddress::v4(0x0B000000 + i * 13)), kNoon + 1h, false, false});
  }
  CHECK(table.memory() <= 10'500'000);
}

TEST_CASE("More kinds of bans than there are numbers for are refused, and the others stay") {
  BanTable table(test_key());
  // Each jail makes 66 kinds: 33 lengths, observed or not.
  std::size_t added = 0;
  for (JailIndex jail = 0; jail < 1100; ++jail) {
    for (unsigned length = 0; length <= 32; ++length) {
      for (const bool observed : {false, true}) {
        const net::Prefix place(net::IpAddress::v4(0x0B000000U | (observed ? 1U << 31U : 0)),
                                length);
        added += table.add({jail, place, kNoon + 1h, observed, false}) == Added::kNew ? 1 : 0;
      }
    }
  }
  // Length 0 has one place for both: the second is an enforced ban's observation, which changes
  // nothing.
  CHECK(table.size() == added);
  CHECK(added > 64'000);
  CHECK(table.add({1099, prefix("192.0.2.1"), kNoon + 1h, false, true}) == Added::kFull);
  CHECK(table.add({0, prefix("192.0.2.1"), kNoon + 1h, false, false}) == Added::kNew);
  CHECK(table.find(0, prefix("192.0.2.1"))->end == kNoon + 1h);
}

}  // namespace
}  // namespace warder::jail
