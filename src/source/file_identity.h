#pragma once

#include "model/line.h"
#include "source/byte_reader.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::source {

// What the file system says a file is. `birth` (creation time in nanoseconds, 0 where the file
// system does not keep it) tells a reused inode number apart; `device` may change with a reboot.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Whether both can be one file: a device number that changed does not speak against it as long as
// the time of birth speaks for it.
bool may_be_same(const FileIdentity& a, const FileIdentity& b);

struct FileFacts {
  FileIdentity identity;
  std::uint64_t size = 0;
  std::uint64_t links = 0;
  std::int64_t modified = 0;  // microseconds since 1970
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
};

// statx(2): of a descriptor, or of a path without following a link at its end. The int is errno.
struct FactsResult {
  std::optional<FileFacts> facts;
  int error = 0;
};
FactsResult facts_of(int fd);
FactsResult facts_of_path(const std::string& path);

// A digest of the first bytes or of those before a place. Covers `length` bytes, 0 = nothing.
struct Fingerprint {
  std::uint32_t length = 0;
  std::array<std::uint8_t, 16> digest{};  // SHA-256, cut

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// The head's fingerprint grows with what was judged of the file, up to this many bytes.
inline constexpr std::uint32_t kLongestHead = 4096;

Fingerprint fingerprint(std::string_view bytes);
// Of `length` bytes (at most kLongestHead) at `offset`; nothing when they are not all there.
std::optional<Fingerprint> fingerprint_at(ByteReader& reader, std::uint64_t offset,
                                          std::uint32_t length);

// What the ids of a log's generations have in common: made from its path and the first file ever
// read there. All zero: not made yet.
using LogSeed = std::array<std::uint8_t, 16>;
LogSeed log_seed(std::string_view path, const FileIdentity& first);

// The id of a generation: made from the log, from its place in the succession of generations that
// had lines (`life`, so that the same text written after a truncation or to a new file gives other
// ids) and from its first line, at most kLongestHead bytes of it. Not from the file's identity:
// after a crash the same lines may be found in a copy.
model::GenerationId generation_id(const LogSeed& seed, std::uint32_t life,
                                  std::string_view first_line);

}  // namespace warder::source
