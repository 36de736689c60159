// Why a line was missed: the first line is a failregex, the second a prefregex (may be empty), the
// rest lines of a log. Whatever they are, an explanation stays within its texts, and a line that
// the failregex matches fits to its end.
#include "filter/near_miss.h"
#include "filter/pattern_steps.h"
#include "filter/text_filter.h"
#include "fuzz/require.h"
#include "fuzz/take_line.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

using namespace warder::filter;
using warder::testing::require;

using warder::testing::take_line;

namespace {

// The elements lie in order, without overlap, within the expression.
void check_steps(std::string_view expression, std::size_t begin, std::size_t end) {
  for (const auto& steps : pattern_steps(expression, begin, end)) {
    std::size_t at = begin;
    for (const PatternStep& step : steps) {
      require(step.begin >= at && step.end > step.begin && step.end <= end);
      require(!step.inner || (step.inner->begin >= step.begin && step.inner->end <= step.end));
      at = step.end;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> options;
  const std::string failregex(take_line(text));
  check_steps(failregex, 0, failregex.size());
  options["failregex"] = failregex;
  if (const std::string_view prefix = take_line(text); !prefix.empty()) {
    options["prefregex"] = std::string(prefix);
  }
  const auto filter = make_filter(options);
  if (!filter || !(*filter)->text()) {
    return 0;
  }
  MissExplainer explainer(*filter);
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (const auto miss = explainer.explain(line)) {
      require(miss->expression_at <= miss->expression.size());
      require(miss->text_at <= miss->text.size());
      require(!miss->pattern || *miss->pattern < (*filter)->patterns().size());
    }
  }
  return 0;
}
