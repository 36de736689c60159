// What `warder verify --against` reads back: a file with notes and JSON lines, an entry of a log, a
// detail.
#include "fuzz/require.h"
#include "ship/witness_notes.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto note = ship::note_in_json(text)) {
    require(note->size() <= text.size());
  }
  ship::NoteReader reader;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    reader.line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  // Nothing is invented: all notes together are no longer than the file and a last line end.
  std::size_t total = 0;
  for (const std::string& note : reader.finish()) {
    total += note.size();
  }
  require(total <= text.size() + 1);
  require(reader.finish().empty());
  return 0;
}
