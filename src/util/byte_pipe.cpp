#include "util/byte_pipe.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace warder::util {

Status copy_all(ByteSource& source, ByteSink& sink) {
  Bytes buffer(128UL * 1024);
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const std::size_t got, source.read(buffer));
    if (got == 0) {
      return {};
    }
    WARDER_RETURN_IF_ERROR(sink.write(ByteView(buffer).first(got)));
  }
}

BytePipe::BytePipe(std::size_t capacity)
    : quarter_(std::max<std::size_t>(capacity / 4, 1)), ring_(std::max<std::size_t>(capacity, 1)) {}

bool BytePipe::write(ByteView bytes) {
  std::unique_lock lock(mutex_);
  while (!bytes.empty()) {
    if (used_ == ring_.size()) {
      room_.wait(lock, [this] { return abandoned_ || ring_.size() - used_ >= quarter_; });
    }
    if (abandoned_) {
      return false;
    }
    const std::size_t at = (first_ + used_) % ring_.size();
    const std::size_t count = std::min({bytes.size(), ring_.size() - used_, ring_.size() - at});
    std::memcpy(ring_.data() + at, bytes.data(), count);
    used_ += count;
    bytes = bytes.subspan(count);
    if (used_ >= quarter_) {
      bytes_.notify_one();
    }
  }
  return !abandoned_;
}

void BytePipe::close_writer(Status end) {
  const std::lock_guard lock(mutex_);
  end_ = std::move(end);
  bytes_.notify_one();
}

Result<std::size_t> BytePipe::read(std::span<std::uint8_t> out) {
  std::unique_lock lock(mutex_);
  if (used_ == 0) {
    bytes_.wait(lock, [this] { return used_ >= quarter_ || end_.has_value(); });
  }
  if (used_ == 0) {
    if (end_) {
      WARDER_RETURN_IF_ERROR(*end_);
    }
    return std::size_t{0};
  }
  const std::size_t count = std::min({out.size(), used_, ring_.size() - first_});
  std::memcpy(out.data(), ring_.data() + first_, count);
  first_ = (first_ + count) % ring_.size();
  used_ -= count;
  if (ring_.size() - used_ >= quarter_) {
    room_.notify_one();
  }
  return count;
}

void BytePipe::close_reader() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  room_.notify_one();
}

}  // namespace warder::util
