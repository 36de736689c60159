#pragma once

#include "source/http_request.h"
#include "util/bytes.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace warder::source {

// Takes lines that a program hands in by HTTP POST, OpenBao's audit device of the type http above
// all, and never lets it wait: the answer is sent as soon as the request is read, whatever becomes
// of the lines. They go to a queue that is bounded; what does not fit is dropped and counted, the
// oldest stay. A thread of its own reads; it ends with the object.
//
// What is in the queue when the process ends is gone, unlike lines of a file, since the sender has
// its answer: let the vault have a file device beside this one.
class HttpListener {
 public:
  struct Options {
    std::string address;  // "http://127.0.0.1:8300/audit"
    util::ByteCount longest_line = util::kibibytes(64);
    util::ByteCount queue = util::mebibytes(8);  // of lines that wait
  };
  static constexpr std::size_t kConnections = 64;  // at one time; further ones wait in the backlog
  static constexpr std::uint64_t kLongestBody = std::uint64_t{256} << 20U;

  // Binds and listens. kInvalid for an address that is none, has no port or is not of this host's
  // loopback; kIo with the reason when it cannot be bound.
  static util::Result<std::shared_ptr<HttpListener>> open(const Options& options);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // Readable while something waits.
  int ready_fd() const { return ready_.get(); }
  // The oldest line; false when there is none.
  bool take(std::string& line);
  struct Lost {
    std::uint64_t overflow = 0;  // lines that did not fit
    std::uint64_t too_long = 0;
    std::uint64_t bytes = 0;  // of both
  };
  // Since the last call.
  Lost take_lost();
  std::uint64_t waiting_bytes() const;

 private:
  HttpListener(Options options, std::string path, util::Descriptor listener);
  struct Connection;
  void run();
  void put(std::string_view line);

  const Options options_;
  HttpRequestReader::Limits limits_;
  HttpRequestReader::Sink sink_;
  util::Descriptor listener_;
  util::Descriptor ready_;  // eventfd: something is in the queue
  util::Descriptor stop_;   // eventfd
  mutable std::mutex mutex_;
  std::deque<std::string> queue_;  // guarded by mutex_
  std::size_t queued_ = 0;         // bytes; guarded by mutex_
  Lost lost_;                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace warder::source
