#pragma once

#include "util/clock.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::model {

// Names one life of one log: a file from its creation (or truncation) on, whatever it is called
// later. 16 random-looking bytes, derived by the source from identity and content so that the same
// life gets the same name after a restart.
struct GenerationId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const GenerationId&, const GenerationId&) = default;
};

// One line as the source read it. A view: valid only during the call that hands it over.
struct Line {
  // Without the line end (LF or CRLF). Any bytes, not necessarily UTF-8, never longer than the
  // source's limit.
  std::string_view text;
  // Of `text`: where the program's own words begin. In front of them the journal has its host and
  // name, which a text filter reads and a JSON filter does not.
  std::size_t message_at = 0;
  // Index of the log (file, journal, standard input) within its source, for the life of the
  // process.
  std::uint32_t log = 0;
  GenerationId generation;
  // Of the first byte of the line in its generation; for the journal a running number.
  std::uint64_t offset = 0;
  // Bytes on disk including the line end: the next line begins at offset + length.
  std::uint64_t length = 0;
  // The line was too long to be kept: `text` is a JSON object with those of its members that
  // somebody asks for.
  bool shortened = false;
  // When the agent read it.
  util::WallTime received{};
  // Time that the source knows better than the text (the journal's stamp).
  std::optional<util::WallTime> stamp;
};

// How far a log has been judged. `source` and `log` name it ("file", "/var/log/x"), the rest is the
// source's own record, opaque to the store.
struct Position {
  std::string source;
  std::string log;
  std::string record;
  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace warder::model
