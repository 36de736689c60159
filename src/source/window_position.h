#pragma once

#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace warder::source {

// How far a log is known that is asked for by time, in whole minutes since 1970: everything that
// was put into it before `from` is judged. Entries appear in it late, so each question overlaps the
// one before it; `seen` are the entries that may come again: a hash of their id, and the minute
// before which they were put into the log.
struct WindowPosition {
  static constexpr std::size_t kMostSeen = 8192;

  std::int64_t from = 0;
  std::map<std::uint64_t, std::int64_t> seen;

  friend bool operator==(const WindowPosition&, const WindowPosition&) = default;
};

// The first 8 bytes of the id's SHA-256.
std::uint64_t id_hash(std::string_view id);

// "w1 FROM UNTIL:ID,ID... UNTIL:ID... CHECKSUM": one line of text as README.md describes it.
std::string encode(const WindowPosition& position);
// kInvalid for everything that encode() would not write.
util::Result<WindowPosition> decode_window_position(std::string_view text);

}  // namespace warder::source
