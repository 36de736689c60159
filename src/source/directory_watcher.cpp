#include "source/directory_watcher.h"

#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace warder::source {
namespace {

constexpr std::uint32_t kNames =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

// NFS, SMB (three generations), 9P, FUSE, Ceph, AFS.
constexpr std::array<std::int64_t, 8> kRemote{NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                              SMB2_SUPER_MAGIC, V9FS_MAGIC,      FUSE_SUPER_MAGIC,
                                              0x00c36400,       AFS_SUPER_MAGIC};

bool is_remote(const std::string& folder) {
  struct statfs system{};
  return ::statfs(folder.c_str(), &system) == 0 &&
         std::find(kRemote.begin(), kRemote.end(), system.f_type) != kRemote.end();
}

}  // namespace

DirectoryWatcher::DirectoryWatcher(std::size_t limit)
    : limit_(limit), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), error_(fd_ ? 0 : errno) {}

DirectoryWatcher::Watch DirectoryWatcher::add(const std::string& folder, bool contents) {
  if (!fd_) {
    return {-1, error_, false};
  }
  if (ids_.size() >= limit_) {
    return {-1, ENOSPC, false};
  }
  // IN_MASK_ADD: the same folder may be wanted twice, once for its names only.
  const std::uint32_t mask = kNames | IN_ONLYDIR | IN_MASK_ADD | (contents ? IN_MODIFY : 0U);
  const int id = ::inotify_add_watch(fd_.get(), folder.c_str(), mask);
  if (id < 0) {
    return {-1, errno, false};
  }
  ids_.insert(id);
  return {id, 0, contents && is_remote(folder)};
}

void DirectoryWatcher::remove(int id) {
  if (ids_.erase(id) != 0) {
    // Fails when the kernel has already dropped it, which is what is wanted.
    static_cast<void>(::inotify_rm_watch(fd_.get(), id));
  }
}

bool DirectoryWatcher::take(const std::function<void(const Event&)>& handler) {
  bool complete = true;
  alignas(inotify_event) std::array<char, 64UL * 1024> buffer;
  while (fd_) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    for (std::size_t place = 0; place < static_cast<std::size_t>(got);) {
      inotify_event head{};
      std::memcpy(&head, buffer.data() + place, sizeof head);
      const char* const name = buffer.data() + place + sizeof head;
      place += sizeof head + head.len;
      if ((head.mask & IN_Q_OVERFLOW) != 0) {
        complete = false;
        continue;
      }
      // Events of a watch that was removed may still wait; its id is not used again before
      // 2^31 others.
      if (!ids_.contains(head.wd)) {
        continue;
      }
      Event event{head.wd, Change::kName, {}};
      if (head.len != 0) {
        event.name = std::string_view(name, ::strnlen(name, head.len));
      }
      if ((head.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        remove(head.wd);
        event.change = Change::kGone;
      } else if (event.name.empty()) {
        event.change = Change::kSelf;
      } else if ((head.mask & IN_MODIFY) != 0) {
        event.change = Change::kWritten;
      }
      handler(event);
    }
  }
  return complete;
}

}  // namespace warder::source
