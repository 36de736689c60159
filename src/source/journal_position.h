#pragma once

#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::source {

// The last journal entry judged.
struct JournalPosition {
  std::uint64_t sequence = 0;  // of the next line: model::Line::offset
  std::uint64_t realtime = 0;  // of the entry, microseconds since 1970, for people
  std::string cursor;          // sd_journal_get_cursor(3)

  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

// "j1 SEQUENCE REALTIME CURSOR CHECKSUM"; README.md of this folder has an example.
std::string encode(const JournalPosition& position);
// kInvalid for anything that encode() does not write.
util::Result<JournalPosition> decode_journal_position(std::string_view text);

}  // namespace warder::source
