#include "filter/text_filter.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Definition";

// Groups of which a pattern or its prefix needs one, so that there is somebody to ban.
constexpr std::array<std::string_view, 5> kIdentifiers{"fid", "ip4", "ip6", "dns", "mlfid"};

bool has_identifier(const TextPattern& pattern) {
  return std::any_of(kIdentifiers.begin(), kIdentifiers.end(),
                     [&](std::string_view group) { return pattern.has_group(group); });
}

template <typename Compiled>
std::optional<Compiled> compile_line(std::string_view option, const ValueLine& line,
                                     Problems& problems) {
  auto pattern = Compiled::compile(line.text);
  if (!pattern) {
    problems.add(line.place,
                 fmt::format("{} '{}': {}", option, line.text, pattern.error().message()));
    return std::nullopt;
  }
  return std::move(pattern).value();
}

}  // namespace

std::shared_ptr<const TextFilter> TextFilter::compile(const Definition& definition,
                                                      Problems& problems) {
  const std::shared_ptr<TextFilter> filter(new TextFilter);
  const std::size_t before = problems.texts().size();
  const Option* failregex = definition.find(kSection, "failregex");
  if (failregex == nullptr || value_lines(*failregex).empty()) {
    problems.add(failregex == nullptr ? Place{definition.file, 0} : failregex->place,
                 "the filter has no failregex, so that it can never match");
    return nullptr;
  }
  if (const Option* maxlines = definition.find(kSection, "maxlines");
      maxlines != nullptr && util::trim(maxlines->value) != "1") {
    problems.add(maxlines->place,
                 "maxlines other than 1 is not supported; join the lines of one session with "
                 "<F-MLFID> instead");
  }
  if (const Option* datepattern = definition.find(kSection, "datepattern")) {
    filter->dates_ = DateRecipe(*datepattern, problems);
  }
  if (const Option* prefregex = definition.find(kSection, "prefregex")) {
    // A prefix is one expression; configparser joins its lines by line breaks.
    const std::vector<ValueLine> lines = value_lines(*prefregex);
    if (lines.size() > 1) {
      problems.add(prefregex->place, "prefregex is one expression on one line");
    } else if (!lines.empty()) {
      filter->prefix_ = compile_line<TextPrefix>("prefregex", lines[0], problems);
      filter->prefix_text_ = lines[0].text;
    }
  }
  const TextPrefix* prefix = filter->prefix();
  for (ValueLine& line : value_lines(*failregex)) {
    std::optional<TextPattern> pattern = compile_line<TextPattern>("failregex", line, problems);
    if (!pattern) {
      continue;
    }
    if (!has_identifier(*pattern) && !(prefix != nullptr && has_identifier(prefix->pattern()))) {
      problems.add(line.place,
                   fmt::format("failregex '{}': it captures no address; write <HOST> where the "
                               "address stands",
                               line.text));
      continue;
    }
    filter->fail_.push_back(std::move(*pattern));
    filter->patterns_.push_back({std::move(line.text), std::move(line.place)});
  }
  if (const Option* ignoreregex = definition.find(kSection, "ignoreregex")) {
    for (const ValueLine& line : value_lines(*ignoreregex)) {
      if (auto pattern = compile_line<TextPattern>("ignoreregex", line, problems)) {
        filter->ignore_.push_back(std::move(*pattern));
      }
    }
  }
  if (problems.texts().size() != before) {
    return nullptr;
  }
  for (const TextPattern& pattern : filter->fail_) {
    std::string sieve = pattern.expanded().sieve;
    if (prefix != nullptr && prefix->pattern().has_group("content")) {
      const Expanded& outer = prefix->pattern().expanded();
      sieve = join_sieves(outer, pattern.expanded()).value_or(outer.sieve);
    }
    filter->sieves_.push_back(std::move(sieve));
  }
  return filter;
}

}  // namespace warder::filter
