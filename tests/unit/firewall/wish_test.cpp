#include "firewall/wish.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace warder;
using firewall::Change;
using firewall::Remaining;
using firewall::Wish;
using Kind = Change::Kind;

namespace {

const util::WallTime kNow{std::chrono::seconds(1793620800)};
const net::Prefix kA = net::Prefix::parse("192.0.2.1").value();

Change add(std::chrono::seconds length) { return {Kind::kAdd, 0, kA, kNow + length}; }
Change set(std::chrono::seconds length) { return {Kind::kSet, 0, kA, kNow + length}; }
const Change kRemove{Kind::kRemove, 0, kA, std::nullopt};
const Change kForEver{Kind::kAdd, 0, kA, std::nullopt};

std::vector<Wish> folded(const std::vector<Change>& changes) {
  std::uint32_t ignored = 0;
  const auto wishes = firewall::fold(changes, kNow, ignored);
  CHECK(wishes.size() + ignored == changes.size());
  return wishes;
}

Wish one(const std::vector<Change>& changes) {
  const auto wishes = folded(changes);
  REQUIRE(wishes.size() == 1);
  return wishes.front();
}

}  // namespace

TEST_CASE("changes of one address fold into the last wish") {
  CHECK(one({add(1h)}) == Wish{Kind::kAdd, 0, kA, 1h, 0});
  CHECK(one({add(1h), add(2h)}) == Wish{Kind::kAdd, 0, kA, 2h, 1});
  CHECK(one({add(2h), add(1h)}) == Wish{Kind::kAdd, 0, kA, 2h, 1});
  CHECK(one({kForEver, add(1h)}) == Wish{Kind::kAdd, 0, kA, std::nullopt, 1});
  CHECK(one({add(1h), kForEver}) == Wish{Kind::kAdd, 0, kA, std::nullopt, 1});
  CHECK(one({add(1h), kRemove}) == Wish{Kind::kRemove, 0, kA, std::nullopt, 1});
  CHECK(one({kRemove, add(1h)}) == Wish{Kind::kSet, 0, kA, 1h, 1});
  CHECK(one({kRemove, add(1h), add(2h)}) == Wish{Kind::kSet, 0, kA, 2h, 2});
  CHECK(one({add(2h), set(1h)}) == Wish{Kind::kSet, 0, kA, 1h, 1});
  CHECK(one({set(1h), add(30min)}) == Wish{Kind::kSet, 0, kA, 1h, 1});
}

TEST_CASE("a past end does nothing, or removes what was set") {
  CHECK(folded({add(-1s)}).empty());
  CHECK(folded({add(0s)}).empty());
  CHECK(one({set(-1s)}) == Wish{Kind::kRemove, 0, kA, std::nullopt, 0});
  CHECK(one({add(1h), add(-1s)}) == Wish{Kind::kAdd, 0, kA, 1h, 0});
}

TEST_CASE("an end beyond a century is for ever") {
  CHECK(one({add(24h * 36524)}).remaining == Remaining(24h * 36524));
  CHECK_FALSE(one({add(24h * 36525)}).remaining);
}

TEST_CASE("wishes come removals first and a set after the other") {
  const auto prefix = [](std::string_view text) { return net::Prefix::parse(text).value(); };
  const auto wishes = folded({{Kind::kAdd, 1, prefix("192.0.2.9"), std::nullopt},
                              {Kind::kAdd, 0, prefix("2001:db8::/64"), std::nullopt},
                              {Kind::kAdd, 0, prefix("192.0.2.9"), std::nullopt},
                              {Kind::kRemove, 1, prefix("192.0.2.8"), std::nullopt},
                              {Kind::kAdd, 0, prefix("198.51.100.0/24"), std::nullopt},
                              {Kind::kAdd, 0, prefix("192.0.2.7"), std::nullopt}});
  std::vector<std::string> order;
  for (const Wish& wish : wishes) {
    order.push_back(std::to_string(wish.scope) + " " + wish.prefix.to_string());
  }
  CHECK(order == std::vector<std::string>{"1 192.0.2.8", "0 198.51.100.0/24", "0 192.0.2.7",
                                          "0 192.0.2.9", "0 2001:db8::/64", "1 192.0.2.9"});
}

TEST_CASE("a wish is fulfilled by the same end, an add also by a later one") {
  const Wish wants_hour{Kind::kAdd, 0, kA, 1h, 0};
  CHECK(firewall::is_fulfilled_by(wants_hour, 1h));
  CHECK(firewall::is_fulfilled_by(wants_hour, 1h - firewall::kSameEnd));
  CHECK_FALSE(firewall::is_fulfilled_by(wants_hour, 1h - firewall::kSameEnd - 1ms));
  CHECK(firewall::is_fulfilled_by(wants_hour, 2h));
  CHECK(firewall::is_fulfilled_by(wants_hour, std::nullopt));
  CHECK_FALSE(firewall::is_fulfilled_by({Kind::kAdd, 0, kA, std::nullopt, 0}, 1h));
  CHECK(firewall::is_fulfilled_by({Kind::kAdd, 0, kA, std::nullopt, 0}, std::nullopt));

  const Wish set_hour{Kind::kSet, 0, kA, 1h, 0};
  CHECK(firewall::is_fulfilled_by(set_hour, 1h + firewall::kSameEnd));
  CHECK_FALSE(firewall::is_fulfilled_by(set_hour, 1h + firewall::kSameEnd + 1ms));
  CHECK_FALSE(firewall::is_fulfilled_by(set_hour, std::nullopt));
  CHECK_FALSE(firewall::is_fulfilled_by({Kind::kSet, 0, kA, std::nullopt, 0}, 1h));
  CHECK(firewall::is_fulfilled_by({Kind::kSet, 0, kA, std::nullopt, 0}, std::nullopt));
}
