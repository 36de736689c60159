#pragma once

#include "files/guard.h"
#include "files/options.h"
#include "files/stored.h"
#include "files/watch.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace warder::files {

// All sections [files NAME], one step at a time and without a thread, so that tests own the time;
// FilesThread runs it. Thread safe but for step().
class Guards {
 public:
  // `clock` must outlive it.
  Guards(FilesHooks hooks, const util::Clock& clock);
  ~Guards();

  // From the next step on. What is remembered of a section that goes stays, in case it comes back.
  void use(std::vector<FilesOptions> sections);
  // The differences at `path` and below it (of the whole section when empty) become part of the
  // baseline in the next step. How many they are; kNotFound when there is none, or no such section.
  util::Result<std::size_t> accept(const std::string& name, const std::string& path);
  // In the next step: all content is compared; a new baseline is made of what is there.
  util::Status want_full(const std::string& name);
  util::Status want_baseline(const std::string& name);

  // Does what is due and returns when to call again; empty: when something was changed by another
  // function. `rest`: see Pace; false ends a scan, which is then due again.
  std::optional<util::MonotonicTime> step(const util::Pace::Rest& rest);
  // Looks at what the kernel tells of changed files; called when a descriptor is readable or time
  // has come, also within the `rest` of a step. Its own `rest` must not call it again.
  void look(const util::Pace::Rest& rest);
  // What to wait for: descriptors that become readable, and when to call look() without that.
  std::vector<int> descriptors() const;
  std::optional<util::MonotonicTime> look_due() const;
  // Is the section that is scanned just now to be scanned differently? Called by `rest`.
  bool is_outdated() const;

 private:
  struct Wish {
    enum class What : std::uint8_t { kAccept, kFull, kBaseline };
    What what = What::kFull;
    std::string name;
    std::vector<Difference> accepted;
  };
  // A section and what tells of changes between its scans.
  struct One {
    std::unique_ptr<Guard> guard;
    std::unique_ptr<Watch> watch;
    bool watched = false;               // start() is done
    util::MonotonicTime quiet_until{};  // it is not listened to before
  };
  void take_changes();
  void look(One& one, const util::Pace::Rest& rest);
  One* find(const std::string& name);
  util::Status wish(Wish wish);

  const FilesHooks hooks_;
  const util::Clock& clock_;
  std::vector<One> all_;
  const Guard* scanned_ = nullptr;
  mutable std::mutex mutex_;
  std::optional<std::vector<FilesOptions>> next_;  // guarded by mutex_
  std::vector<FilesOptions> configured_;           // guarded by mutex_
  std::vector<Wish> wishes_;                       // guarded by mutex_
};

// Runs the steps on a thread of the lowest priority for processor and disk. Without a section there
// is no thread.
class FilesThread {
 public:
  FilesThread(FilesHooks hooks, const util::Clock& clock);
  ~FilesThread();
  FilesThread(const FilesThread&) = delete;
  FilesThread& operator=(const FilesThread&) = delete;

  void use(std::vector<FilesOptions> sections);
  util::Result<std::size_t> accept(const std::string& name, const std::string& path);
  util::Status want_full(const std::string& name);
  util::Status want_baseline(const std::string& name);
  // Ends a running scan; afterwards nothing is called back.
  void stop();

 private:
  void run();
  void wake();
  // Waits until then, or without end, but not longer than until it is woken or, when it
  // listens, a file changes.
  enum class Listening : std::uint8_t { kNot, kToFiles };
  void wait(std::optional<util::MonotonicTime> until, Listening listening);

  const util::Clock& clock_;
  Guards guards_;
  util::Descriptor wake_;  // an eventfd
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace warder::files
