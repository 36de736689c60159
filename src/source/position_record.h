#pragma once

#include "model/line.h"
#include "source/file_identity.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// How far one generation of a log was judged.
struct GenerationRecord {
  std::uint32_t life = 0;  // place among the generations that had lines, from 1
  model::GenerationId id;  // all zero while the first line is not complete
  FileIdentity identity;
  std::uint64_t offset = 0;   // of the first line not judged
  Fingerprint head;           // of the first min(offset, kLongestHead) bytes
  Fingerprint tail;           // of the last bytes before offset
  std::int64_t modified = 0;  // of the file when it was last read, microseconds since 1970

  bool finished = false;  // renamed away and read to its end, as far as could be known

  friend bool operator==(const GenerationRecord&, const GenerationRecord&) = default;
};

// A log's position: its generations, oldest first. Empty: the log is known and was not there.
struct PositionRecord {
  static constexpr std::size_t kMostGenerations = 32;
  LogSeed seed{};
  std::vector<GenerationRecord> generations;

  friend bool operator==(const PositionRecord&, const PositionRecord&) = default;
};

// One line of text; README.md of this folder has the layout and an example.
std::string encode(const PositionRecord& record);
// kInvalid for anything that encode() does not write: another version, a damaged byte, equal
// lives, fingerprints longer than what was judged.
util::Result<PositionRecord> decode_position(std::string_view text);

}  // namespace warder::source
