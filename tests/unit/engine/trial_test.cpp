#include "engine/trial.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

engine::TrialReport tried(std::map<std::string, std::string> options,
                          const std::vector<std::string>& lines,
                          std::vector<engine::LineFate>* fates = nullptr) {
  auto filter = filter::make_filter(options);
  INFO((filter ? "" : filter.error().message()));
  REQUIRE(filter.has_value());
  static const util::SystemClock clock;
  auto trial = engine::Trial::create(*filter, {}, clock, [&](const engine::TriedLine& line) {
    if (fates != nullptr) {
      fates->push_back(line.fate);
    }
  });
  REQUIRE(trial.has_value());
  for (const std::string& text : lines) {
    model::Line line;
    line.text = text;
    (*trial)->on_line(line);
  }
  return (*trial)->finish();
}

}  // namespace

TEST_CASE("a trial tells what became of each line", "[trial]") {
  using engine::LineFate;
  std::vector<LineFate> fates;
  const engine::TrialReport report = tried(
      {{"failregex", "^ ?bad from <HOST>$\n^ ?worse from <HOST>$"},
       {"ignoreregex", "192\\.0\\.2\\.9"}},
      {"2025-11-24T10:00:00Z bad from 192.0.2.1", "# comment", "",
       "2025-11-24T10:00:01Z bad from 192.0.2.9", "2025-11-24T10:00:02Z bad from host.example",
       "2025-11-24T10:00:03Z good from 192.0.2.1", "2025-11-24T10:00:04Z bad from 192.0.2.1"},
      &fates);
  CHECK(fates == std::vector{LineFate::kFinding, LineFate::kIgnored, LineFate::kMissed,
                             LineFate::kMissed, LineFate::kFinding});
  CHECK(report.lines == 5);
  CHECK(report.skipped == 2);
  CHECK(report.patterns[0].hits == 3);
  CHECK(report.patterns[1].hits == 0);
  CHECK(report.patterns[0].nanoseconds.has_value());
  REQUIRE(report.addresses.size() == 1);
  CHECK(report.addresses[0].findings == 2);
  CHECK(util::format_rfc3339(report.addresses[0].last) == "2025-11-24T10:00:04Z");
  REQUIRE(report.dates.size() == 1);
  CHECK(report.dates[0].lines == 5);
  REQUIRE(report.missed.size() == 2);
  CHECK(report.missed[0].first_number == 5);
  CHECK(report.suggestions == std::vector<std::string>{"1 pattern never matched in this log"});
}

TEST_CASE("a pattern that another one always takes the lines of is told", "[trial]") {
  const engine::TrialReport report =
      tried({{"failregex", "bad from <HOST>\n^ ?very bad from <HOST>$"}, {"datepattern", "{NONE}"}},
            {"very bad from 198.51.100.1", "very bad from 198.51.100.2"});
  CHECK(report.patterns[1].shadowed_by == 0U);
  CHECK(report.patterns[1].shadowed == 2);
  CHECK(
      report.suggestions ==
      std::vector<std::string>{"pattern 2 is shadowed by 1: all it would match is taken before it; "
                               "put it first, or take it out"});
}

TEST_CASE("one private address for all findings is a proxy without a name", "[trial]") {
  const std::vector<std::string> lines(3, "bad from 10.0.0.2");
  const engine::TrialReport report =
      tried({{"failregex", "^bad from <HOST>$"}, {"datepattern", "{NONE}"}}, lines);
  REQUIRE(report.suggestions.size() == 1);
  CHECK(report.suggestions[0].starts_with("all findings blame 10.0.0.2, a private address"));
  CHECK(report.suggestions[0].find("trusted_proxies") != std::string::npos);
}

TEST_CASE("dates that are not recognised get a suggestion", "[trial]") {
  const engine::TrialReport report =
      tried({{"failregex", "bad from <HOST>$"}}, {"24.11.2026 10/01/02 bad from 192.0.2.1"});
  CHECK(report.undated == 1);
  REQUIRE_FALSE(report.suggestions.empty());
  CHECK(
      report.suggestions[0] ==
      "1 line looks like '24.11.2026 10/01/02 bad from 192.0.2.1': the date is not recognised; add "
      "to the filter: datepattern = ^%%d\\.%%m\\.%%Y %%H/%%M/%%S");
}

TEST_CASE("missed lines that stop at the same place are told together, however many", "[trial]") {
  std::vector<std::string> lines;
  for (int i = 0; i < 10'000; ++i) {
    lines.push_back("login of u" + std::string(static_cast<std::size_t>(i % 50), 'x') +
                    " refuset " + std::to_string(i));
  }
  const engine::TrialReport report =
      tried({{"failregex", "^login of \\S+ refused <HOST>$"}, {"datepattern", "{NONE}"}}, lines);
  REQUIRE(report.missed.size() == 1);
  CHECK(report.missed[0].lines == 10'000);
  CHECK(report.missed[0].nearest->expression.substr(report.missed[0].nearest->expression_at) ==
        "d <HOST>$");
  CHECK(report.missed_otherwise == 0);
}
