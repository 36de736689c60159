#pragma once

#include "util/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace warder::api {

// Frames on the control socket: four bytes of length (big endian), then that many bytes of JSON.
inline constexpr std::size_t kLargestRequest = 64 * 1024;
inline constexpr std::size_t kLargestResponse = 256 * 1024 * 1024;

std::string frame(std::string_view payload);

// Collects bytes until a whole frame is there. A length above `limit` is refused at once, before
// anything is set aside for it.
class FrameReader {
 public:
  explicit FrameReader(std::size_t limit) : limit_(limit) {}

  // kInvalid: the stream is broken for good, close it.
  util::Status feed(std::string_view bytes);
  // The next whole payload, or nothing yet.
  std::optional<std::string> next();

 private:
  std::size_t limit_;
  std::string buffer_;
};

}  // namespace warder::api
