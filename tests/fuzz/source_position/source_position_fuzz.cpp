// What the store gives back as a position: anything may have happened to it. Whatever is accepted
// prints as it was read, and holds no more than its limits.
#include "source/journal_match.h"
#include "source/journal_position.h"
#include "source/position_record.h"
#include "source/window_position.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace warder::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto record = decode_position(text)) {
    if (encode(*record) != text || record->generations.size() > PositionRecord::kMostGenerations) {
      std::abort();
    }
  }
  if (const auto position = decode_journal_position(text)) {
    if (encode(*position) != text) {
      std::abort();
    }
  }
  if (const auto position = decode_window_position(text)) {
    if (encode(*position) != text || position->seen.size() > WindowPosition::kMostSeen) {
      std::abort();
    }
  }
  if (const auto match = parse_journal_match(text)) {
    for (const auto& terms : *match) {
      if (terms.empty()) {
        std::abort();
      }
    }
  }
  return 0;
}
