#include "jail/ban_time.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

IncrementOptions increment() {
  IncrementOptions options;
  options.enabled = true;
  return options;
}

// Ban times in seconds for these stored counts (fail2ban-compat 25.7).
std::vector<double> times(const IncrementOptions& options,
                          const std::vector<std::uint32_t>& counts = {0, 1, 2, 3, 4, 10, 20, 21}) {
  const auto rule = BanTime::create(600s, options);
  REQUIRE(rule);
  std::vector<double> result;
  for (const std::uint32_t count : counts) {
    const BanTime::Length length = rule->length(OffenderTable::History{count, {}}, 0);
    CHECK_FALSE(length.formula_failed);
    REQUIRE(length.time);
    result.push_back(std::chrono::duration<double>(*length.time).count());
  }
  return result;
}

TEST_CASE("Ban times grow as the reference's do") {
  IncrementOptions options = increment();
  SECTION("default") {
    CHECK(times(options) ==
          std::vector<double>{600, 1200, 2400, 4800, 9600, 614400, 629145600, 629145600});
  }
  SECTION("factor 2") {
    options.factor = "2";
    CHECK(times(options, {0, 1, 2, 3, 4, 10}) ==
          std::vector<double>{1200, 2400, 4800, 9600, 19200, 1228800});
  }
  SECTION("factor 0.5") {
    options.factor = "0.5";
    CHECK(times(options, {0, 1, 2, 3, 4, 10}) ==
          std::vector<double>{600, 600, 1200, 2400, 4800, 307200});
  }
  SECTION("multipliers") {
    options.multipliers = {1, 2, 4, 8, 16, 32, 64};
    CHECK(times(options) == std::vector<double>{600, 1200, 2400, 4800, 9600, 38400, 38400, 38400});
  }
  SECTION("multipliers with factor 2") {
    options.multipliers = {1, 5, 30, 60, 300, 720, 1440, 2880};
    options.factor = "2";
    CHECK(times(options, {0, 1, 2, 3, 4, 10}) ==
          std::vector<double>{1200, 6000, 36000, 72000, 360000, 3456000});
  }
  SECTION("maxtime 1d") {
    options.maxtime = 24h;
    CHECK(times(options) == std::vector<double>{600, 1200, 2400, 4800, 9600, 86400, 86400, 86400});
  }
  SECTION("exponential formula, maxtime 1w") {
    options.formula = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)";
    options.maxtime = 24h * 7;
    const std::vector<double> expected = {600, 1630.97, 4433.43, 12051.32, 32758.89, 604800};
    const std::vector<double> found = times(options, {0, 1, 2, 3, 4, 10});
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i] == Approx(expected[i]).margin(0.005));
    }
  }
  SECTION("a factor that is an expression") {
    options.factor = "2.0 / 2.885385";
    const std::vector<double> expected = {600, 831.78, 1663.56, 3327.11, 6654.22};
    const std::vector<double> found = times(options, {0, 1, 2, 3, 4});
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i] == Approx(expected[i]).margin(0.005));
    }
  }
}

TEST_CASE("Only a known offender's ban is lengthened, and only when asked for") {
  const OffenderTable::History known{3, {}};
  CHECK(BanTime::create(600s, increment())->length(std::nullopt, 0.9).time == 600s);
  CHECK(BanTime::create(600s, IncrementOptions{})->length(known, 0.9).time == 600s);
  CHECK(BanTime::create(std::nullopt, increment())->length(known, 0.9).time == std::nullopt);
}

TEST_CASE("The random part comes on top of maxtime") {
  IncrementOptions options = increment();
  options.maxtime = 1000s;
  options.rndtime = 100s;
  const auto rule = BanTime::create(600s, options);
  CHECK(rule->length(OffenderTable::History{3, {}}, 0.25).time == 1025s);
  CHECK(rule->length(std::nullopt, 0.25).time == 600s);
}

TEST_CASE("No ban is longer than fifty years") {
  IncrementOptions options = increment();
  options.formula = "ban.Time * 10 ** 20";
  CHECK(BanTime::create(600s, options)->length(OffenderTable::History{1, {}}, 0).time ==
        kLongestBan);
}

TEST_CASE("A formula that fails for a large count gives the plain time and says so") {
  IncrementOptions options = increment();
  options.formula = "ban.Time * 10 ** (ban.Count if ban.Count < 100 else 1000)";
  const auto rule = BanTime::create(600s, options);
  REQUIRE(rule);
  const BanTime::Length length = rule->length(OffenderTable::History{100, {}}, 0);
  CHECK(length.time == 600s);
  CHECK(length.formula_failed);
}

TEST_CASE("Expressions that cannot work are refused at once") {
  const auto refused = [](const IncrementOptions& options) {
    const auto rule = BanTime::create(600s, options);
    return rule ? "accepted" : rule.error().message();
  };
  IncrementOptions options = increment();
  options.factor = "-1";
  CHECK(refused(options) == "bantime.factor: -1 is not greater than 0");
  options.factor = "1/0";
  CHECK(refused(options) == "bantime.factor: at character 2: division by zero");
  options.factor = "ban.Time";
  CHECK(refused(options) == "bantime.factor: at character 1: 'ban.Time' cannot be used here");
  options = increment();
  options.formula = "ban.Time *";
  CHECK(refused(options) == "bantime.formula: at character 11: the expression ends too early");
  options.formula = "ban.Time / (ban.Count - 2)";
  CHECK(refused(options) ==
        "bantime.formula: with ban.Count = 2: at character 10: division by zero");
}

}  // namespace
}  // namespace warder::jail
