#pragma once

#include "util/byte_stream.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace warder::util {

// A bounded pipe between two threads: one writes, one reads. It turns a library that pulls into one
// that is pushed to, and the other way round. A side that has to wait is woken when a quarter of
// the pipe is there for it, or all that comes: not for each of the small pieces that libraries
// write.
class BytePipe {
 public:
  // At least one byte.
  explicit BytePipe(std::size_t capacity);

  // Waits while it is full. False when the reader has gone.
  bool write(ByteView bytes);
  // No more comes. An error is what the reader gets after the bytes.
  void close_writer(Status end);

  // Waits until a quarter of it is full or no more comes; 0 at the end.
  Result<std::size_t> read(std::span<std::uint8_t> out);
  // Nobody reads any more; a waiting writer is let go.
  void close_reader();

 private:
  const std::size_t quarter_;
  std::mutex mutex_;
  std::condition_variable room_;   // for the writer
  std::condition_variable bytes_;  // for the reader
  Bytes ring_;                     // guarded by mutex_, as all below
  std::size_t first_ = 0;
  std::size_t used_ = 0;
  std::optional<Status> end_;
  bool abandoned_ = false;
};

}  // namespace warder::util
