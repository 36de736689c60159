// Expressions of a filter, as an operator (or a vault) writes them: first line a prefregex (may be
// empty), second a failregex, the rest lines of a log. Whatever they are: they are refused with a
// reason or run; the sieve never misses a line that the expressions themselves match.
#include "filter/regex_form.h"
#include "filter/sieve.h"
#include "filter/text_filter.h"
#include "fuzz/require.h"
#include "fuzz/take_line.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder::filter;
using warder::testing::require;

using warder::testing::take_line;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Definition definition;
  definition.name = "x";
  definition.file = "x.conf";
  auto& options = definition.sections["Definition"];
  if (const std::string_view prefix = take_line(text); !prefix.empty()) {
    options["prefregex"] = {std::string(prefix), {"x.conf", 2}};
  }
  options["failregex"] = {std::string(take_line(text)), {"x.conf", 3}};
  Problems problems;
  const auto filter =
      TextFilter::compile(definition, TextOptions{.usedns = UseDns::kRaw}, problems);
  require((filter == nullptr) == !problems.empty());
  if (filter == nullptr) {
    return 0;
  }
  Sieve sieve;
  const auto number = sieve.add(filter->sieves()[0]);
  if (!number || !sieve.compile()) {
    return 0;
  }
  std::vector<std::size_t> hits;
  std::string buffer;
  std::string content_buffer;
  std::string folded;
  bool ascii = true;
  while (!text.empty()) {
    const Subject message = make_subject(take_line(text), {}, buffer);
    ascii = ascii && message.kind == RegexText::kAscii;
    Captures captures;
    Subject content = message;
    bool matches = true;
    if (filter->prefix()) {
      const auto rest = filter->prefix()->match(message, captures, content_buffer);
      matches = rest.has_value();
      content = rest.value_or(message);
    }
    matches = matches && filter->fail()[0].match(content, captures);
    for (const auto& [name, value] : captures) {
      require(value.size() <= message.text.size());
    }
    fold_subject(message, folded);
    sieve.search(folded, hits);
    require(!matches || !hits.empty());
  }
  // An expression that was not compiled before the first line is one that RE2 takes.
  const TextPattern& pattern = filter->fail()[0];
  require(!ascii || pattern.has_trials() || pattern.gave_up() == 0 ||
          !find_guards(pattern.tree().root, GuardScope::kAndBorders).empty());
  return 0;
}
