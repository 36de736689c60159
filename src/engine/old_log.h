#pragma once

#include "source/source.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace warder::engine {

struct OldLogOptions {
  util::ByteCount longest_line = util::kibibytes(64);
  // Model::Line::log of its lines.
  std::uint32_t log = 0;
  // Where reading begins, in a file that is not compressed; what stands there may be the rest of a
  // line.
  std::uint64_t begin = 0;
  // Told every few MiB: bytes read from disk, and all there are (0 where that is not known).
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

// Reads a log that is not followed, from its begin (or another place) to its end, for `warder test`
// and `warder replay`: a file, plain or gzip (told by its first bytes), or "-" and what else can be
// read only once. The last line counts without a line end too. Constant memory. Line::offset is of
// the decompressed bytes; of a stream, of what was read. Errors: kNotFound, kDenied, kIo; a damaged
// archive gives its good lines first.
util::Status read_old_log(const std::string& path, const OldLogOptions& options,
                          const util::Clock& clock, source::LineHandler& handler);

// The log with what rotation made of it (path.1, path-20260101.gz, ...), the oldest first and the
// log itself last. Files compressed otherwise than by gzip are left out and named in `left_out`.
std::vector<std::string> with_rotated(const std::string& path, std::vector<std::string>* left_out);

}  // namespace warder::engine
