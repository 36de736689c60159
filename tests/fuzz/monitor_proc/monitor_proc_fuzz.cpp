// What the kernel and a check's process say, and what was remembered: nothing in it can do more
// than be left out.
#include "fuzz/require.h"
#include "monitor/outcome.h"
#include "monitor/proc.h"
#include "monitor/schema_baseline.h"
#include "monitor/watch.h"
#include "util/process_status.h"
#include "util/strings.h"

#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  require(monitor::parse_locks(text).size() <= size);
  if (const auto file = monitor::parse_watched_file(text)) {
    require(file->minor < 1U << 20U && file->major < 1U << 12U);
  }
  if (const auto memory = monitor::parse_meminfo(text)) {
    require(memory->total > 0 && memory->available <= memory->total);
  }
  if (const auto process = util::parse_process_status(text)) {
    require(util::printable_again(process->name, 64) == process->name);
  }
  if (const auto outcomes = monitor::parse_outcomes(text)) {
    require(outcomes->size() <= monitor::kChecks);
    // What was taken is taken again, and is the same.
    require(monitor::parse_outcomes(monitor::outcomes_json(*outcomes)).value() == *outcomes);
    for (const monitor::Outcome& outcome : *outcomes) {
      require(outcome.text.size() <= monitor::Outcome::kLongestText);
    }
  }
  const std::string remembered = monitor::Watch::parse(text).to_text();
  require(monitor::Watch::parse(remembered).to_text() == remembered);
  const monitor::SchemaObjects objects = monitor::parse_baseline(text);
  require(monitor::schema_changes(objects, objects).empty());
  return 0;
}
