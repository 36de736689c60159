// Filters of an installed fail2ban over logs: bench_stock_filters FILTER.D, on standard input lines
// "each NAME LOG" (that filter alone) and at the end "together LOG" (all of them, repeated up to
// 100, as one matcher); LOG is read whole before the clock runs. Prints a JSON object a line. Times
// are of the processor, this thread's alone.
#include "filter/filter.h"
#include "filter/matcher.h"

#include <fmt/core.h>

#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace warder;

namespace {

double processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Count : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override { ++findings; }
  void on_notice(std::size_t, const filter::Notice&) override {}
  std::uint64_t findings = 0;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

using Filters = std::vector<std::shared_ptr<const filter::Filter>>;

void run(const std::string& name, Filters filters, double load, const std::string& log) {
  const std::vector<std::string> lines = lines_of(log);
  filter::MatcherOptions options;
  options.lines.rules = filter::DateRules::kCompat;
  options.lines.zone = filter::TimeZone();
  const std::size_t count = filters.size();
  const double begin = processor_time();
  auto matcher = filter::Matcher::build(std::move(filters), std::move(options)).value();
  const double built = processor_time();
  matcher->set_reading(filter::Reading::kAsWritten);
  Count counted;
  model::Line one;
  one.received = util::WallTime(std::chrono::seconds(1'123'970'400));
  for (const std::string& line : lines) {
    one.text = line;
    matcher->match(one, one.received, counted);
    one.offset += line.size() + 1;
  }
  const double seconds = processor_time() - built;
  fmt::print(
      "{{\"name\":\"{}\",\"filters\":{},\"lines\":{},\"seconds\":{:.6f},\"findings\":{},"
      "\"load_ms\":{:.3f},\"build_ms\":{:.3f}}}\n",
      name, count, lines.size(), seconds, counted.findings, load * 1000, (built - begin) * 1000);
}

std::shared_ptr<const filter::Filter> load(const std::string& folder, const std::string& name) {
  filter::FilterRequest request;
  request.name = name;
  request.folders = {folder};
  request.samples = filter::SamplePolicy::kIgnore;
  request.text = {.usedns = filter::UseDns::kNo, .ignore = filter::IgnoreScope::kReference};
  auto filter = filter::load_filter(request);
  return filter ? *filter : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_stock_filters FILTER.D < list\n");
    return 2;
  }
  Filters all;
  double all_load = 0;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream words(text);
    std::string kind;
    std::string name;
    std::string log;
    words >> kind >> name >> log;
    if (kind == "together") {
      Filters hundred = all;
      for (std::size_t i = 0; hundred.size() < 100 && !all.empty(); ++i) {
        hundred.push_back(all[i % all.size()]);
      }
      run("together", std::move(hundred), all_load, name);
      continue;
    }
    const double begin = processor_time();
    auto filter = load(argv[1], name);
    const double taken = processor_time() - begin;
    if (filter == nullptr) {
      continue;
    }
    all.push_back(filter);
    all_load += taken;
    run(name, {std::move(filter)}, taken, log);
  }
  return 0;
}
