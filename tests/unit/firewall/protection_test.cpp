#include "firewall/protection.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace warder;

namespace {

// Few enough bits that lists meet, hold and touch each other, and both ends of a half are met.
net::Prefix any_prefix(std::mt19937& random) {
  const auto number = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  if (number(2) == 0) {
    return {net::IpAddress::v4(0xC6336400 + number(256)), 22 + number(11)};
  }
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  bytes[7] = static_cast<std::uint8_t>(number(4));
  bytes[8] = static_cast<std::uint8_t>(number(4) << 6U);
  bytes[15] = static_cast<std::uint8_t>(number(4));
  const unsigned lengths[] = {61, 62, 63, 64, 65, 66, 126, 127, 128};
  return {net::IpAddress::v6(bytes), lengths[number(9)]};
}

}  // namespace

TEST_CASE("what is never banned is found in a list of any length as by looking at each entry") {
  std::mt19937 random(7);
  std::size_t met = 0;
  std::size_t free = 0;
  for (std::size_t count = 0; count < 60; ++count) {
    firewall::ProtectionOptions options;
    for (std::size_t i = 0; i < count / 2; ++i) {
      options.never_ban.push_back(any_prefix(random));
    }
    const auto protection = firewall::Protection::open(options);
    REQUIRE(protection);
    for (int i = 0; i < 500; ++i) {
      const net::Prefix asked = any_prefix(random);
      const auto first = std::find_if(
          options.never_ban.begin(), options.never_ban.end(),
          [&](const net::Prefix& never) { return never.contains(asked) || asked.contains(never); });
      const auto objection = (*protection)->verdict(asked);
      INFO(asked.to_string());
      REQUIRE(objection.has_value() == (first != options.never_ban.end()));
      (objection ? met : free) += 1;
      if (objection) {
        REQUIRE(objection->reason == firewall::Reason::kConfigured);
        REQUIRE(objection->because == *first);
      }
    }
  }
  CHECK(met > 1000);
  CHECK(free > 1000);
}

TEST_CASE("what is reserved is never banned, from its first address to its last") {
  const auto protection = firewall::Protection::open({});
  REQUIRE(protection);
  for (const char* text :
       {"0.0.0.0", "0.255.255.255", "127.0.0.0", "127.255.255.255", "169.254.0.0",
        "169.254.255.255", "224.0.0.0", "255.255.255.255", "::", "::1",
        "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "169.0.0.0/8", "fe00::/8"}) {
    INFO(text);
    const auto objection = (*protection)->verdict(net::Prefix::parse(text).value());
    REQUIRE(objection);
    CHECK(objection->reason == firewall::Reason::kNotBannable);
  }
  for (const char* text :
       {"1.0.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
        "223.255.255.255", "::2", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    INFO(text);
    CHECK_FALSE((*protection)->verdict(net::Prefix::parse(text).value()));
  }
}
