#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace warder::source {

// Reads requests of one connection that hands lines in by POST (RFC 9112), in constant memory: of
// a body only the line that is not complete yet is kept. Anything but what such a client sends is
// answered and ends the connection: no other method, no chunked body, no upgrade, no pipelining
// that depends on answers. One thread.
class HttpRequestReader {
 public:
  static constexpr std::size_t kLongestHead = 16UL * 1024;

  struct Limits {
    std::string path;                // what is posted to; everything else is 404
    std::size_t longest_line = 0;    // longer ones go to `too_long`
    std::uint64_t longest_body = 0;  // 413
  };
  // Views, valid during the call.
  struct Sink {
    std::function<void(std::string_view)> line;
    std::function<void(std::uint64_t length)> too_long;
  };
  HttpRequestReader(const Limits& limits, const Sink& sink) : limits_(&limits), sink_(&sink) {}

  // Takes bytes as they come and appends the answers that are due. False: close the connection
  // once these are sent.
  bool feed(std::string_view bytes, std::string& answers);

 private:
  // Status and reason of a head that is refused; empty for a good one.
  std::string_view judge_head(std::string_view head);
  void take_body(std::string_view bytes);
  void end_line();

  const Limits* limits_;
  const Sink* sink_;
  std::string head_;
  std::string line_;
  std::uint64_t line_length_ = 0;  // also of what was not kept
  std::uint64_t left_ = 0;         // of the body
  bool in_body_ = false;
};

}  // namespace warder::source
