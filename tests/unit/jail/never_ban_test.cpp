#include "jail/never_ban.h"

#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

namespace warder::jail {
namespace {

TEST_CASE("An empty set still holds what no ban can mean") {
  const NeverBan set;
  for (const char* text : {"0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255",
                           "::", "::1", "fe80::1", "ff02::1"}) {
    CHECK(set.reason(prefix(text)) == IgnoreReason::kUnbannable);
    CHECK(set.touches(prefix(text)));
  }
  CHECK(set.reason(prefix("10.0.0.1")) == IgnoreReason::kNone);
  CHECK(set.touches(prefix("::/64")));  // ::1 lies within
  CHECK_FALSE(set.touches(prefix("2001:db8::/64")));
}

TEST_CASE("The first reason given for a prefix is told") {
  const NeverBan set({{prefix("192.0.2.1"), IgnoreReason::kOwnAddress},
                      {prefix("192.0.2.1"), IgnoreReason::kIgnoreip}});
  CHECK(set.size() == 1);
  CHECK(set.reason(prefix("192.0.2.1")) == IgnoreReason::kOwnAddress);
}

TEST_CASE("Of a prefix it is told whom its ban would hit") {
  const NeverBan set({{prefix("192.0.2.1")}, {prefix("198.51.100.0/24")}, {prefix("203.0.113.9")}},
                     {prefix("2001:db8::/48")});
  CHECK(set.hit_by(prefix("192.0.2.0/24")) == IgnoreReason::kOwnAddress);
  CHECK(set.hit_by(prefix("198.51.100.64/26")) == IgnoreReason::kProxy);
  CHECK(set.hit_by(prefix("203.0.113.8/31")) == IgnoreReason::kNeverBan);
  CHECK(set.hit_by(prefix("2001:db8::/32")) == IgnoreReason::kIgnoreip);
  CHECK(set.hit_by(prefix("::/64")) == IgnoreReason::kUnbannable);
  CHECK(set.hit_by(prefix("203.0.113.10")) == IgnoreReason::kNone);
}

TEST_CASE("The set answers as a walk over its list would", "[model]") {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<NeverBan::Entry> entries;
    const auto random_prefix = [&] {
      const unsigned length = 14 + static_cast<unsigned>(random() % 19);
      return net::Prefix(
          net::IpAddress::v4(0x0A000000 + static_cast<std::uint32_t>(random()) % 0x00100000),
          length);
    };
    for (int i = 0; i < 20; ++i) {
      entries.push_back({random_prefix(), IgnoreReason::kIgnoreip});
    }
    const NeverBan set(entries);
    for (int i = 0; i < 500; ++i) {
      const net::Prefix asked = random_prefix();
      const bool within = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
        return entry.address.contains(asked);
      });
      const bool around = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
        return asked.contains(entry.address);
      });
      REQUIRE((set.reason(asked) != IgnoreReason::kNone) == within);
      REQUIRE(set.touches(asked) == (within || around));
    }
  }
}

}  // namespace
}  // namespace warder::jail
