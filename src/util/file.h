#pragma once

#include "util/bytes.h"
#include "util/encoding.h"
#include "util/result.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace warder::util {

// The whole file. kInvalid when it is larger than `limit`, kNotFound, kDenied, kIo; a directory,
// FIFO or device is kInvalid and is never read.
Result<std::string> read_file(const std::filesystem::path& path, ByteCount limit);

// Replaces `path` as one step: a temporary file in the same folder, created with `mode` before the
// first byte is written, flushed to disk, renamed over `path`, the folder flushed. After a crash
// there is the old content or the new, never a part. A failure leaves the old file.
//
// `owner`, for root only: who the new file shall belong to, set before the first byte.
struct FileOwner {
  uid_t user = 0;
  gid_t group = 0;
};
Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             mode_t mode, std::optional<FileOwner> owner = {});

// All of `bytes`, however many calls it takes. Errors begin with `what`.
Status write_all(int fd, ByteView bytes, std::string_view what);

}  // namespace warder::util
