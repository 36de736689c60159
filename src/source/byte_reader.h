#pragma once

#include "util/descriptor.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <sys/types.h>
#include <utility>

namespace warder::source {

// What a read gave: bytes (0 at the end), or an errno.
struct ReadResult {
  std::size_t count = 0;
  int error = 0;
};

// Bytes at places, as pread(2) gives them; a test's memory or a compressed file looks the same.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // May give less than asked for without being at the end.
  virtual ReadResult read_at(std::uint64_t offset, std::span<char> buffer) = 0;
  // Where the next data begins if a hole of a sparse file stands at `offset`, else `offset`.
  virtual std::uint64_t data_from(std::uint64_t offset) { return offset; }
};

// Reads on until the buffer is full or the bytes end. An error counts only if nothing was read
// before it: the next read will meet it again.
ReadResult read_fully(ByteReader& reader, std::uint64_t offset, std::span<char> buffer);

using ReadAt = std::function<ssize_t(int fd, void* buffer, std::size_t size, off_t offset)>;

// A regular file. EINTR is tried again at once.
class FileReader : public ByteReader {
 public:
  // An empty `read_at` means pread(2).
  FileReader(util::Descriptor fd, ReadAt read_at)
      : fd_(std::move(fd)), read_at_(std::move(read_at)) {}

  ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override;
  std::uint64_t data_from(std::uint64_t offset) override;
  int fd() const { return fd_.get(); }

 private:
  util::Descriptor fd_;
  ReadAt read_at_;
};

}  // namespace warder::source
