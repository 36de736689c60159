// The [Definition] of a filter, as an operator (or a vault) writes it: the lint always ends with an
// answer a pattern, and what it shows as a confirmed example is one.
#include "filter/filter.h"
#include "filter/filter_file.h"
#include "filter/lint.h"
#include "filter/matcher.h"
#include "fuzz/require.h"
#include "support/memory_files.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder::filter;
using warder::testing::require;

namespace {

class Catcher : public MatchHandler {
 public:
  void on_finding(std::size_t, warder::model::Finding&& finding) override {
    address = finding.address.to_string();
  }
  void on_notice(std::size_t, const Notice&) override {}
  std::string address;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  warder::testing::MemoryFiles files(
      std::map<std::string, std::string>{{"filters/x.conf", "[Definition]\n" + text}});
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  request.samples = SamplePolicy::kIgnore;
  const auto filter = load_filter(request, files);
  const auto definition = read_filter_file(request, files);
  if (!filter || !definition) {
    return 0;
  }
  const LintReport report = lint_filter(*filter, *definition, Origin::kFail2ban);
  require((*filter)->format() == Format::kJson ||
          report.patterns.size() == (*filter)->patterns().size());
  for (const PatternLint& pattern : report.patterns) {
    require(pattern.example.has_value() ==
            (pattern.safety == Safety::kFields || pattern.safety == Safety::kUnsafe));
    if (!pattern.example || !pattern.example->confirmed) {
      continue;
    }
    require(pattern.example->genuine != pattern.example->taken);
    Catcher catcher;
    warder::model::Line line;
    line.text = pattern.example->line;
    line.stamp = warder::util::WallTime();
    const auto matcher = Matcher::build({*filter}, {});
    require(matcher.has_value());
    (*matcher)->match(line, warder::util::WallTime(), catcher);
    require(catcher.address == pattern.example->taken);
  }
  return 0;
}
