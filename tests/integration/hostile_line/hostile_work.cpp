// hostile_work FOLDER FILTER TIMES BEGIN PIECE END: has the filter judge one line, made of its
// begin, a piece so many times, and its end. hostile_work_test.py counts the instructions.
#include "filter/filter.h"
#include "filter/matcher.h"

#include <fmt/core.h>

#include <cstdlib>
#include <string>

using namespace warder;

namespace {

class Nobody : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override {}
  void on_notice(std::size_t, const filter::Notice&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    return 2;
  }
  filter::FilterRequest request;
  request.folders = {argv[1]};
  request.name = argv[2];
  request.samples = filter::SamplePolicy::kIgnore;
  const auto filter = filter::load_filter(request);
  if (!filter) {
    fmt::print(stderr, "{}\n", filter.error().message());
    return 1;
  }
  filter::MatcherOptions options;
  options.lines.zone = filter::TimeZone();
  const auto matcher = filter::Matcher::build({*filter}, options);
  if (!matcher) {
    return 1;
  }
  std::string line = argv[4];
  for (long times = std::strtol(argv[3], nullptr, 10); times > 0; --times) {
    line += argv[5];
  }
  line += argv[6];
  model::Line one;
  one.text = line;
  one.received = util::WallTime(std::chrono::seconds(1'790'000'000));
  Nobody nobody;
  // Twice: what is compiled when a line first needs it is not the second's.
  (*matcher)->match(one, one.received, nobody);
  (*matcher)->match(one, one.received, nobody);
  return 0;
}
