// A line of an audit log after whatever a full disk, a crash or another writer did to it. Whatever
// it holds: each entry lies in the line, begins as told and is closed, in order and without
// overlap; and an entry behind anything that has no quote is found whole.
#include "filter/json_entries.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder::filter;
using warder::testing::require;

namespace {

constexpr std::string_view kEntry =
    R"({"time":"2026-11-22T12:00:00Z","request":{"path":"a\"}{b"}})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const JsonEntryFinder finder({"{\"time\":", "{\"auth\":"});
  const std::string line(reinterpret_cast<const char*>(data), size);
  const char* behind = line.data();
  const JsonEntries found = finder.find(line);
  for (const std::string_view entry : found.whole) {
    require(entry.data() >= behind && entry.data() + entry.size() <= line.data() + line.size());
    require(entry.starts_with("{\"time\":") || entry.starts_with("{\"auth\":"));
    require(entry.ends_with('}') || entry.ends_with(']'));
    behind = entry.data() + entry.size();
  }
  if (line.find('"') == std::string::npos) {
    const std::string glued = line + std::string(kEntry);
    const JsonEntries last = finder.find(glued);
    require(last.whole.size() == 1 && last.whole[0] == kEntry && !last.cut);
  }
  return 0;
}
