#include "jail/offender_table.h"

#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <limits>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;
using History = OffenderTable::History;

TEST_CASE("Each jail counts its own bans, and all of them together can be asked for") {
  OffenderTable table(test_key());
  const net::Prefix address = prefix("192.0.2.1");
  CHECK(table.find(1, address) == std::nullopt);
  CHECK(table.find_overall(address) == std::nullopt);
  table.add(1, address, kNoon);
  table.add(1, address, kNoon + 1h);
  table.set_history(2, address, {5, kNoon - 1h});
  CHECK(table.find(1, address) == History{2, kNoon + 1h});
  CHECK(table.find(2, address) == History{5, kNoon - 1h});
  CHECK(table.find_overall(address) == History{7, kNoon + 1h});
  CHECK(table.find(1, prefix("192.0.2.0/24")) == std::nullopt);
  table.forget(1, address);
  CHECK(table.find(1, address) == std::nullopt);
  CHECK(table.find_overall(address) == History{5, kNoon - 1h});
}

TEST_CASE("A stored count of nothing is told from no entry") {
  OffenderTable table(test_key());
  table.set_history(1, prefix("192.0.2.1"), {0, kNoon});
  CHECK(table.find(1, prefix("192.0.2.1")) == History{0, kNoon});
}

TEST_CASE("Counts and times stay within what a slot holds") {
  OffenderTable table(test_key());
  const net::Prefix address = prefix("192.0.2.1");
  table.set_history(1, address, {std::numeric_limits<std::uint32_t>::max(), kNoon + 24h * 36500});
  table.add(1, address, kNoon);
  CHECK(table.find(1, address)->count == 65'535);
  CHECK(table.find(1, address)->last == util::WallTime(std::chrono::seconds(0xFFFFFFFF)));
}

TEST_CASE("A full table forgets one-time offenders first") {
  OffenderTable table(test_key(), 1000);
  table.set_history(1, prefix("192.0.2.1"), {3, kNoon});
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    table.add(1, net::Prefix(net::IpAddress::v4(0x0B000000 + i)), kNoon + std::chrono::seconds(i));
  }
  CHECK(table.size() == 1000);
  CHECK(table.evicted() == 99'001);
  CHECK(table.find(1, prefix("192.0.2.1")) == History{3, kNoon});
  CHECK(table.memory() < 30'000);
}

}  // namespace
}  // namespace warder::jail
