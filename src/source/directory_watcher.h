#pragma once

#include "util/descriptor.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace warder::source {

// inotify(7) on folders. Not thread safe.
class DirectoryWatcher {
 public:
  // At most `limit` folders; reaching it is reported like the kernel's own limit.
  explicit DirectoryWatcher(std::size_t limit);

  // Readable when an event waits; -1 when the kernel has no instance left for us.
  int fd() const { return fd_.get(); }
  // Why fd() is -1.
  int error() const { return error_; }

  struct Watch {
    int id = -1;          // the same folder under two paths has one id
    int error = 0;        // errno; ENOSPC: the limit of watches is reached
    bool remote = false;  // a file system whose changes by others the kernel does not see
  };
  // Names coming, going, changing their mode; with `contents` also bytes written to files.
  Watch add(const std::string& folder, bool contents);
  void remove(int id);

  enum class Change : std::uint8_t {
    kWritten,  // bytes were written to (or cut from) `name`
    kName,     // `name` came, went, or changed its mode or owner
    kGone,     // the folder itself was removed, renamed or unmounted; its watch has ended
    kSelf,     // the folder's own mode or owner changed
  };
  struct Event {
    int id = -1;
    Change change = Change::kName;
    std::string_view name;  // valid during the call
  };
  // Takes all waiting events. Returns false when the kernel had to drop some.
  bool take(const std::function<void(const Event&)>& handler);

 private:
  std::size_t limit_;
  util::Descriptor fd_;
  int error_ = 0;
  std::unordered_set<int> ids_;
};

}  // namespace warder::source
