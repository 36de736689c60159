// Whole filters on logs: the first lines are a prefregex, two failregexes, an ignoreregex, a
// datepattern and maxlines (any but the first failregex may be empty), the rest is a log. Whatever
// they are: the filter is refused with a reason or runs; what it finds does not depend on who else
// reads the log, nor on which lines a window is searched; what it keeps is bounded.
// tests/fuzz/filter_lines/judge.py asks fail2ban the same.
#include "filter/filter.h"
#include "filter/matcher.h"
#include "fuzz/require.h"
#include "fuzz/take_line.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using warder::testing::require;

using warder::testing::take_line;

namespace {

constexpr std::size_t kMostLines = 40;
const util::WallTime kNow{std::chrono::seconds(1790000000)};

class Collector : public filter::MatchHandler {
 public:
  void on_finding(std::size_t index, model::Finding&& finding) override {
    require(finding.text.size() <= filter::kLongestText);
    found[index].push_back(finding.address.to_string() + "|" + finding.identifier + "|" +
                           finding.user + "|" + std::to_string(finding.pattern) + "|" +
                           std::to_string(finding.time.time_since_epoch().count()));
  }
  void on_notice(std::size_t, const filter::Notice&) override {}
  std::map<std::size_t, std::vector<std::string>> found;
};

// What the filters find in the log, by index.
std::map<std::size_t, std::vector<std::string>> read(
    std::vector<std::shared_ptr<const filter::Filter>> filters, std::string_view log) {
  filter::MatcherOptions options;
  options.lines.zone = filter::TimeZone();
  options.lines.rules = filter::DateRules::kCompat;
  auto matcher = filter::Matcher::build(std::move(filters), options);
  require(static_cast<bool>(matcher));
  (*matcher)->set_reading(filter::Reading::kAsWritten);
  Collector collector;
  for (std::size_t line = 0; line < kMostLines && !log.empty(); ++line) {
    model::Line one;
    one.text = take_line(log);
    one.received = kNow;
    (*matcher)->match(one, kNow, collector);
  }
  return collector.found;
}

// Each failregex with an end of all text that it never asks for: no sieve tells of such.
std::map<std::string, std::string> searched_always(std::map<std::string, std::string> options) {
  std::string all;
  std::string_view left = options["failregex"];
  while (!left.empty()) {
    all += (all.empty() ? "" : "\n") + std::string(take_line(left)) + "(?:\\Z)?" + "?";
  }
  options["failregex"] = all;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> options;
  const auto set = [&](const char* name, std::string_view value) {
    if (!value.empty()) {
      options[name] += (options[name].empty() ? "" : "\n") + std::string(value);
    }
  };
  for (const char* name :
       {"prefregex", "failregex", "failregex", "ignoreregex", "datepattern", "maxlines"}) {
    set(name, take_line(text));
  }
  const auto made = filter::make_filter(options);
  if (!made) {
    require(!made.error().message().empty());
    return 0;
  }
  static const auto other =
      filter::make_filter({{"failregex", "^\\s*x <HOST>$\n^y(?P<z>\\w+) <ADDR>"}}).value();
  const auto alone = read({*made}, text);
  const auto beside = read({other, *made, *made}, text);
  const auto of = [](const auto& found, std::size_t index) {
    const auto place = found.find(index);
    return place == found.end() ? std::vector<std::string>() : place->second;
  };
  require(of(alone, 0) == of(beside, 1));
  require(of(beside, 1) == of(beside, 2));
  if (options.contains("maxlines")) {
    // The same is found where nothing says in which lines a window need not be searched.
    const auto searched = filter::make_filter(searched_always(options));
    require(!searched || of(read({*searched}, text), 0) == of(alone, 0));
  }
  return 0;
}
