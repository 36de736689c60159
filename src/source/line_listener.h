#pragma once

#include "source/http_request.h"
#include "source/line_assembler.h"
#include "source/listen_address.h"
#include "util/bytes.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace warder::source {

// Takes lines that programs hand in: by HTTP POST (OpenBao's audit device of the type http), or as
// a stream at a TCP port or a Unix socket (the audit device of the type socket of HashiCorp Vault
// and OpenBao). It never lets them wait: whatever comes is read at once and, where the protocol has
// answers, answered, whatever becomes of the lines. They go to a queue that is bounded; what does
// not fit is dropped and counted, the oldest stay. A thread of its own reads; it ends with the
// object.
//
// What is in the queue when the process ends is gone, unlike lines of a file. With HTTP the sender
// has its answer by then; on a stream nothing is ever answered, so that what the kernel held for a
// reader that went is gone, too. Let the vault have a file device beside this one.
class LineListener {
 public:
  struct Options {
    std::string address;  // parse_listen_address()
    util::ByteCount longest_line = util::kibibytes(64);
    util::ByteCount queue = util::mebibytes(8);  // of lines that wait, with kCost for each
  };
  // Connections at one time. When all places are taken, the one that was silent for longest gives
  // way: nobody keeps the vault out by connecting and saying nothing.
  static constexpr std::size_t kConnections = 64;
  static constexpr std::uint64_t kLongestBody = std::uint64_t{256} << 20U;

  // A line, or what was kept of one that was too long.
  struct Item {
    std::string text;  // empty: nothing was kept
    bool shortened = false;
    std::uint64_t length = 0;       // of the whole line; of a shortened one with its end
    crypto::Sha256Digest digest{};  // of a shortened one's bytes
  };
  static constexpr std::size_t kCost = sizeof(Item);

  // Binds and listens. kInvalid for an address that is none; kConflict and kIo with the reason when
  // it cannot be bound.
  static util::Result<std::shared_ptr<LineListener>> open(const Options& options);
  ~LineListener();
  LineListener(const LineListener&) = delete;
  LineListener& operator=(const LineListener&) = delete;

  ListenAddress::Kind kind() const { return address_.kind; }
  const Options& options() const { return options_; }
  // What is to be kept of lines that are too long, from now on. Any thread.
  void keep(MemberNames members);
  util::ByteCount longest_line() const { return options_.longest_line; }

  // Readable while something waits.
  int ready_fd() const { return ready_.get(); }
  // The oldest line; false when there is none.
  bool take(Item& item);
  struct Lost {
    std::uint64_t overflow = 0;  // lines that did not fit
    std::uint64_t cut = 0;       // connections that ended within a line
    std::uint64_t bytes = 0;     // of both
  };
  // Since the last call.
  Lost take_lost();
  std::uint64_t waiting_bytes() const;

 private:
  LineListener(Options options, ListenAddress address, util::Descriptor listener);
  struct Connection;
  void run();
  void accept(std::vector<std::unique_ptr<Connection>>& connections, std::uint64_t now);
  void put(Item item);
  void lose(std::uint64_t Lost::* what, std::uint64_t bytes);
  void wake();

  const Options options_;
  const ListenAddress address_;
  HttpRequestReader::Limits limits_;
  LineAssembler::Sink sink_;
  util::Descriptor listener_;
  util::Descriptor ready_;  // eventfd: something is in the queue
  util::Descriptor stop_;   // eventfd
  mutable std::mutex mutex_;
  std::deque<Item> queue_;                     // guarded by mutex_
  std::size_t queued_ = 0;                     // bytes and costs; guarded by mutex_
  Lost lost_;                                  // guarded by mutex_
  std::shared_ptr<const MemberNames> wanted_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace warder::source
