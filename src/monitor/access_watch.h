#pragma once

#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace warder::monitor {

// A process that has, or had, the database open. Names are printable text, of whoever runs it.
struct Opener {
  std::int64_t pid = 0;
  std::optional<std::uint32_t> user;  // empty: it had ended before it could be looked at
  std::string name;                   // what it calls itself
  std::string program;                // the file it runs; empty: not to be seen
};

// What /proc says of a process. `user` is empty when it is not there any more.
Opener opener_of(const std::filesystem::path& proc, std::int64_t pid);

// Hears from the kernel of each opening of a database (fanotify(7), FAN_REPORT_DFID_NAME on its
// folder), also of one that lasts an instant, and looks at once who it was. Its thread does nothing
// between two openings. A process that ended within some hundred microseconds has no name: holding
// it up until it was looked at (FAN_OPEN_PERM) would make the service wait for the agent.
//
// No descriptor of the database is ever had: closing one would take this process's locks on it.
class AccessWatch {
 public:
  // Openings kept at most; of more only their number is.
  static constexpr std::size_t kMostKept = 1000;

  struct Seen {
    Opener who;
    util::WallTime when{};
  };
  struct Taken {
    std::vector<Seen> openings;  // oldest first, of those that `matters`
    std::uint64_t lost = 0;      // more than the kernel or kMostKept could hold
  };
  struct Parts {
    std::filesystem::path database;
    // Whether it is to be kept. On the watch's thread.
    std::function<bool(const Opener&)> matters;
    // Something is there to be taken. On the watch's thread.
    std::function<void()> on_news;
  };

  // kDenied without CAP_SYS_ADMIN, kInvalid on a file system that fanotify cannot watch, kNotFound
  // without the folder. `clock` must outlive it.
  static util::Result<std::unique_ptr<AccessWatch>> start(Parts parts, const util::Clock& clock);
  ~AccessWatch();
  AccessWatch(const AccessWatch&) = delete;
  AccessWatch& operator=(const AccessWatch&) = delete;

  // What was kept since the last call. Any thread.
  Taken take();

 private:
  AccessWatch(Parts parts, const util::Clock& clock, int fanotify, int end);
  void run();
  // False: the kernel's queue was too short.
  bool read();
  bool is_of_database(std::string_view name) const;
  void note(std::int64_t pid);

  const Parts parts_;
  const util::Clock& clock_;
  const int fanotify_;
  const int end_;  // eventfd
  std::mutex mutex_;
  Taken kept_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace warder::monitor
