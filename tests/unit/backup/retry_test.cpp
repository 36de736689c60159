#include "backup/retry.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <vector>

using namespace warder;
using std::chrono::hours;

TEST_CASE("a run that failed is made again after an hour, then ever later, at most a day apart") {
  const util::WallTime last{hours(1000)};
  std::vector<long> waits;
  for (const unsigned failures : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 4'000'000'000U}) {
    waits.push_back(
        std::chrono::duration_cast<hours>(backup::retry_due(last, failures) - last).count());
  }
  CHECK(waits == std::vector<long>{1, 2, 4, 8, 16, 24, 24, 24});
}
