#pragma once

#include "source/line_assembler.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace warder::source {

// Reads requests of one connection that hands lines in by POST (RFC 9112), in constant memory
// (LineAssembler); each body ends its last line. Anything but what such a client sends is
// answered and ends the connection: no other method, no chunked body, no upgrade, no pipelining
// that depends on answers. One thread.
class HttpRequestReader {
 public:
  static constexpr std::size_t kLongestHead = 16UL * 1024;

  struct Limits {
    std::string path;                // what is posted to; everything else is 404
    std::size_t longest_line = 0;    // of what is kept
    std::uint64_t longest_body = 0;  // 413
  };
  // Both must outlive the reader.
  HttpRequestReader(const Limits& limits, const LineAssembler::Sink& sink)
      : limits_(&limits), lines_(limits.longest_line, sink) {}

  // Takes bytes as they come and appends the answers that are due. False: close the connection
  // once these are sent.
  bool feed(std::string_view bytes, std::string& answers);
  // Bytes of a line that is not complete.
  std::uint64_t pending() const { return lines_.pending(); }

 private:
  // Status and reason of a head that is refused; empty for a good one.
  std::string_view judge_head(std::string_view head);

  const Limits* limits_;
  LineAssembler lines_;
  std::string head_;
  std::uint64_t left_ = 0;  // of the body
  bool in_body_ = false;
};

}  // namespace warder::source
