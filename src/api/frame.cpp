#include "api/frame.h"

#include <fmt/core.h>

#include <cstdint>

namespace warder::api {
namespace {

constexpr std::size_t kHead = 4;

std::size_t length_of(std::string_view head) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHead; ++i) {
    length = (length << 8U) | static_cast<unsigned char>(head[i]);
  }
  return length;
}

}  // namespace

std::string frame(std::string_view payload) {
  std::string bytes;
  bytes.reserve(kHead + payload.size());
  for (unsigned shift = 24; shift > 0; shift -= 8) {
    bytes += static_cast<char>((payload.size() >> shift) & 0xFFU);
  }
  bytes += static_cast<char>(payload.size() & 0xFFU);
  bytes += payload;
  return bytes;
}

util::Status FrameReader::feed(std::string_view bytes) {
  buffer_ += bytes;
  if (buffer_.size() >= kHead && length_of(buffer_) > limit_) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("a message of {} bytes; at most {} are allowed", length_of(buffer_), limit_));
  }
  return {};
}

std::optional<std::string> FrameReader::next() {
  if (buffer_.size() < kHead) {
    return std::nullopt;
  }
  const std::size_t length = length_of(buffer_);
  if (length > limit_ || buffer_.size() - kHead < length) {
    return std::nullopt;
  }
  std::string payload = buffer_.substr(kHead, length);
  buffer_.erase(0, kHead + length);
  return payload;
}

}  // namespace warder::api
