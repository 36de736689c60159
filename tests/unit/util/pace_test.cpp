#include "util/pace.h"

#include "support/manual_clock.h"

#include <catch2/catch.hpp>

#include <vector>

namespace warder::util {
namespace {

using std::chrono::microseconds;

TEST_CASE("a pace waits for what is beyond its budget, and does not make up for idle time") {
  testing::ManualClock clock;
  std::vector<microseconds> waits;
  Pace pace(ByteCount{1'000'000}, clock, [&](microseconds wait) {
    waits.push_back(wait);
    clock.advance(wait);
    return true;
  });
  const MonotonicTime begin = clock.monotonic();
  for (int i = 0; i < 100; ++i) {
    CHECK(pace.spend(10'000));
  }
  // A megabyte at a megabyte a second; the last twentieth of a second may be ahead.
  CHECK(clock.monotonic() - begin >= microseconds(950'000));
  CHECK(clock.monotonic() - begin <= microseconds(1'000'000));
  waits.clear();
  clock.advance(std::chrono::hours(1));
  CHECK(pace.spend(1'000'000));
  REQUIRE(waits.size() == 1);
  // What lay idle is worth a twentieth of a second, as at the beginning.
  CHECK(waits.front() == microseconds(950'000));
}

TEST_CASE("without a budget nothing waits, and who rests may end it") {
  testing::ManualClock clock;
  std::vector<microseconds> waits;
  Pace pace(ByteCount{0}, clock, [&](microseconds wait) {
    waits.push_back(wait);
    return false;
  });
  CHECK(pace.spend(std::uint64_t{1} << 40U));
  CHECK(waits.empty());
  clock.advance(std::chrono::milliseconds(100));
  CHECK_FALSE(pace.spend(1));
  CHECK(waits == std::vector<microseconds>{microseconds(0)});
}

}  // namespace
}  // namespace warder::util
