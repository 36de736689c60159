#pragma once

#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::source {

// The last journal entry judged.
struct JournalPosition {
  std::uint64_t sequence = 0;  // of the next line: model::Line::offset
  std::uint64_t realtime = 0;  // of the entry, microseconds since 1970
  std::string cursor;          // sd_journal_get_cursor(3)

  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

// "j1 SEQUENCE REALTIME CURSOR CHECKSUM"; README.md of this folder has an example.
std::string encode(const JournalPosition& position);
// kInvalid for anything that encode() does not write.
util::Result<JournalPosition> decode_journal_position(std::string_view text);

// When an entry was written, by its cursor: the boot's id (32 hexadecimal digits) and microseconds
// since that boot. Nothing for a cursor without them (systemd.journal-fields(7) has them always).
struct JournalMoment {
  std::string boot;
  std::uint64_t monotonic = 0;

  friend bool operator==(const JournalMoment&, const JournalMoment&) = default;
};
std::optional<JournalMoment> moment_of(std::string_view cursor);

}  // namespace warder::source
