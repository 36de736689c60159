#include "jail/counting.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace warder::jail {
namespace {

constexpr Tick kSecond = 1000;
constexpr Tick kFindtime = 600 * kSecond;
constexpr Tick kBase = Tick{1} << 39U;

using State = std::array<std::byte, 256>;

// Feeds failures at these seconds to a ticket and returns the counts; "!" marks a ban, after which
// the ticket begins anew. No clean-up, as in the vectors.
std::string rate(const std::vector<Tick>& seconds, std::uint32_t maxretry = 5,
                 Tick clean_up_after = RateCounting::kNoCleanUp) {
  const RateCounting rule(kFindtime, clean_up_after);
  State state{};
  std::string result;
  for (const Tick second : seconds) {
    const Tally tally = rule.add(state.data(), kBase + second * kSecond, 1, 1);
    result += (result.empty() ? "" : " ") + std::to_string(tally.count);
    if (tally.count >= maxretry) {
      result += "!";
      state = {};
    }
  }
  return result;
}

// fail2ban-compat 25.6; the counts were also read off the packaged reference.
TEST_CASE("The compat count is the reference's") {
  CHECK(rate({0, 10, 20, 30, 40}) == "1 2 3 4 5!");
  CHECK(rate({0, 200, 400, 600, 800, 1000, 1200, 1400, 1600}) == "1 2 3 4 4 4 4 4 4");
  CHECK(rate({0, 150, 300, 450, 600, 750, 900}) == "1 2 3 4 5! 1 2");
  CHECK(rate({0, 1, 2, 3, 650}) == "1 2 3 4 5!");
  CHECK(rate({0, 1, 2, 3, 700, 701}) == "1 2 3 4 4 5!");
  CHECK(rate({0, 1, 2, 3, 610}) == "1 2 3 4 5!");
  CHECK(rate({100, 50, 60}, 3) == "1 2 3!");
  CHECK(rate({0, 1, 2, 3, 4, 5, 6, 7}, 8) == "1 2 3 4 5 6 7 8!");
}

TEST_CASE("The compat clean-up forgets a ticket that is past findtime") {
  CHECK(rate({0, 1, 2, 3, 650}, 5, RateCounting::kCleanUpAfter) == "1 2 3 4 1");
  // Too soon for the reference's clean-up to have run for certain.
  CHECK(rate({0, 1, 2, 3, 610}, 5, RateCounting::kCleanUpAfter) == "1 2 3 4 5!");
}

TEST_CASE("The compat ticket keeps first, last and the true number of failures") {
  const RateCounting rule(kFindtime);
  State state{};
  rule.add(state.data(), kBase, 3, 1);
  rule.add(state.data(), kBase + 20 * kSecond, 1, 2);
  const Tally tally = rule.add(state.data(), kBase + 10 * kSecond, 1, 1);
  CHECK(tally.count == 4);
  CHECK(tally.last == kBase + 20 * kSecond);
  const RateCounting::Ticket ticket = RateCounting::read(state.data());
  CHECK(ticket.first == kBase);
  CHECK(ticket.failures == 5);
  CHECK(rule.count(state.data(), kBase + 20 * kSecond) == 4);
  CHECK(rule.count(state.data(), kBase + 20 * kSecond + kFindtime + 10 * kSecond) == 0);
}

TEST_CASE("A known offender's failure counts for more") {
  std::vector<std::uint32_t> weights;
  for (const std::uint32_t bans : {0U, 1U, 2U, 3U, 4U, 5U, 1000U}) {
    weights.push_back(known_offender_weight(bans, 12));
  }
  CHECK(weights == std::vector<std::uint32_t>{1, 2, 3, 5, 9, 12, 12});
  CHECK(known_offender_weight(3, 2) == 2);
  CHECK(known_offender_weight(20, 1'000'000) == 524'289);
  CHECK(known_offender_weight(21, 1'000'000) == 1'000'000);
}

TEST_CASE("The compat count goes on beyond a million") {
  const RateCounting rule(kFindtime);
  State state{};
  RateCounting::write(state.data(), {kBase, kBase, 999'998, 3});
  CHECK(rule.add(state.data(), kBase + 1, 1, 1).count == 999'999);
  CHECK(rule.add(state.data(), kBase + 2, 20'000'000, 1).count == 1'000'000);
  CHECK(RateCounting::read(state.data()).failures == 16'777'215);
  // As fail2ban: round(1000000 / 605.0 * 600) + 1
  CHECK(rule.add(state.data(), kBase + 605 * kSecond, 1, 1).count == 991'737);
}

TEST_CASE("An attempt exactly findtime ago counts, one a moment older does not") {
  const WindowCounting rule(3, kFindtime);
  State state{};
  rule.add(state.data(), kBase, 1);
  rule.add(state.data(), kBase + 1, 1);
  CHECK(rule.add(state.data(), kBase + kFindtime, 1).count == 3);
  state = {};
  rule.add(state.data(), kBase, 1);
  rule.add(state.data(), kBase + 1, 1);
  CHECK(rule.add(state.data(), kBase + kFindtime + 1, 1).count == 2);
}

// The naive model: every attempt is kept.
class NaiveWindow {
 public:
  std::uint32_t add(Tick time, std::uint32_t attempts) {
    times_.insert(times_.end(), attempts, time);
    const Tick last = *std::max_element(times_.begin(), times_.end());
    return static_cast<std::uint32_t>(
        std::count_if(times_.begin(), times_.end(), [&](Tick t) { return t >= last - kFindtime; }));
  }
  void clear() { times_.clear(); }

 private:
  std::vector<Tick> times_;
};

TEST_CASE("The window bans exactly when a list of all attempts would", "[model]") {
  for (const std::uint32_t maxretry : {1U, 2U, 3U, 5U, 12U, 33U}) {
    std::mt19937 random(maxretry);
    const WindowCounting rule(maxretry, kFindtime);
    State state{};
    NaiveWindow naive;
    Tick now = kBase;
    int bans = 0;
    for (int i = 0; i < 20'000; ++i) {
      // From bursts to gaps around findtime, in and out of order.
      now += static_cast<Tick>(random() % (2 * kFindtime / maxretry));
      const Tick time = now - (random() % 4 == 0 ? static_cast<Tick>(random() % kFindtime) : 0);
      const std::uint32_t attempts =
          random() % 16 == 0 ? static_cast<std::uint32_t>(1 + random() % 3) : 1;
      const std::uint32_t expected = naive.add(time, attempts);
      const Tally tally = rule.add(state.data(), time, attempts);
      REQUIRE((tally.count >= maxretry) == (expected >= maxretry));
      if (expected < maxretry) {
        REQUIRE(tally.count == expected);
      } else {
        ++bans;
        naive.clear();
        state = {};
      }
    }
    CHECK(bans > 100);
  }
}

TEST_CASE("A large maxretry is counted in runs, never too much and little too late", "[model]") {
  constexpr std::uint32_t kMaxretry = 300;
  const bool in_order = GENERATE(true, false);
  std::mt19937 random(7);
  const WindowCounting rule(kMaxretry, kFindtime);
  CHECK(rule.bytes() == 1 + 5 + 17 * 7);
  State state{};
  std::vector<Tick> times;
  const auto within = [&](Tick last, Tick length) {
    return static_cast<std::uint32_t>(std::count_if(
        times.begin(), times.end(), [&](Tick t) { return t >= last - length && t <= last; }));
  };
  Tick now = kBase;
  int bans = 0;
  for (int i = 0; i < 50'000; ++i) {
    now += static_cast<Tick>(random() % (2 * kFindtime / (150 + 150 * ((i / 5000) % 3))));
    const bool late = !in_order && i % 8 == 0;
    times.push_back(now - (late ? static_cast<Tick>(random() % 1000) : 0));
    const Tick last = *std::max_element(times.begin(), times.end());
    const Tally tally = rule.add(state.data(), times.back(), 1);
    REQUIRE(tally.last == last);
    REQUIRE(tally.count <= within(last, kFindtime));
    if (in_order) {
      REQUIRE(tally.count >= within(last, kFindtime - kFindtime / 16));
    }
    if (tally.count >= kMaxretry) {
      ++bans;
      times.clear();
      state = {};
    }
  }
  CHECK(bans > 20);
}

}  // namespace
}  // namespace warder::jail
