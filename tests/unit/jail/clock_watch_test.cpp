#include "jail/clock_watch.h"

#include "jail/steady_time.h"
#include "support/manual_clock.h"
#include "unit/jail/world.h"

#include <catch2/catch.hpp>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

TEST_CASE("A step of the wall clock is noticed, passing time is not") {
  testing::ManualClock clock;
  ClockWatch watch;
  const auto look = [&] { return watch.observe(clock.now(), clock.monotonic()); };
  CHECK(look() == std::nullopt);
  clock.advance(1h);
  CHECK(look() == std::nullopt);
  clock.set_wall(clock.now() + 1h);
  CHECK(look() == 1h);
  CHECK(look() == std::nullopt);
  clock.set_wall(clock.now() - 24h * 3650);
  clock.advance(1s);
  CHECK(look() == -24h * 3650);
  clock.set_wall(clock.now() + 1999ms);
  CHECK(look() == std::nullopt);
}

TEST_CASE("Ticks go on steadily whatever the wall clock does") {
  SteadyTime time;
  const Tick start = time.now(kNoon);
  CHECK(time.to_wall(start) == kNoon);
  CHECK(time.now(kNoon + 1s) == start + 1000);
  // Slightly out of order: not a step.
  CHECK(time.now(kNoon + 500ms) == start + 1000);
  CHECK(time.now(kNoon + 2s) == start + 2000);
  // An hour back, unreported: time stands for a moment and goes on.
  CHECK(time.now(kNoon - 1h) == start + 2000);
  CHECK(time.now(kNoon - 1h + 3s) == start + 5000);
  time.step(-1h - 2s);  // the report comes late
  CHECK(time.now(kNoon - 1h + 4s) == start + 6000);
  time.step(24h);
  CHECK(time.now(kNoon + 23h + 5s) == start + 7000);
  CHECK(time.to_wall(start + 7000) == kNoon + 23h + 5s);
}

TEST_CASE("A clock that is wrong by decades at start does not stop the counting") {
  SteadyTime time;
  const Tick restored = time.restored(kNoon);
  const Tick first = time.now(util::WallTime{});  // 1970
  CHECK(first == restored);
  CHECK(time.now(util::WallTime{} + 5s) == first + 5000);
  time.step(kNoon.time_since_epoch());
  CHECK(time.now(kNoon + 6s) == first + 6000);
}

}  // namespace
}  // namespace warder::jail
