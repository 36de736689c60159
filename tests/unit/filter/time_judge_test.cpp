#include "filter/time_judge.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using warder::filter::judge_time;
using warder::filter::JudgedTime;
using warder::filter::Reading;
using warder::util::WallTime;

namespace {

const WallTime kNow{1793620800s};

void check(const JudgedTime& judged, WallTime time, bool from_line, bool off) {
  CHECK(judged.time == time);
  CHECK(judged.from_line == from_line);
  CHECK(judged.off == off);
}

}  // namespace

TEST_CASE("a live line is believed within a minute") {
  check(judge_time(kNow - 60s, kNow, Reading::kLive), kNow - 60s, true, false);
  check(judge_time(kNow - 61s, kNow, Reading::kLive), kNow, false, true);
  check(judge_time(kNow + 61s, kNow, Reading::kLive), kNow, false, true);
}

TEST_CASE("nothing happens later than now") {
  check(judge_time(kNow + 60s, kNow, Reading::kLive), kNow, true, false);
  check(judge_time(kNow + 24h, kNow, Reading::kCatchUp), kNow, true, false);
}

TEST_CASE("a line that is caught up with keeps its date") {
  check(judge_time(kNow - 24h, kNow, Reading::kCatchUp), kNow - 24h, true, false);
}

TEST_CASE("a line without a date happens now") {
  check(judge_time(std::nullopt, kNow, Reading::kLive), kNow, false, false);
  check(judge_time(std::nullopt, kNow, Reading::kCatchUp), kNow, false, false);
}
