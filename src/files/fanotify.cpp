#include "util/fanotify.h"

#include "files/watch.h"
#include "util/descriptor.h"
#include "util/process_status.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <unordered_map>

namespace warder::files {
namespace {

constexpr std::uint64_t kNames =
    FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR;
constexpr std::uint64_t kContent = kNames | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB |
                                   FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_EVENT_ON_CHILD;
constexpr std::size_t kLongestHandle = 128;  // MAX_HANDLE_SZ

// A folder as util::FanotifyRecord names it.
std::string key_of(const void* file_system, const file_handle& handle, const void* bytes) {
  std::string key(static_cast<const char*>(file_system), 8);
  key.append(reinterpret_cast<const char*>(&handle.handle_bytes), sizeof handle.handle_bytes);
  key.append(reinterpret_cast<const char*>(&handle.handle_type), sizeof handle.handle_type);
  key.append(static_cast<const char*>(bytes), handle.handle_bytes);
  return key;
}

// "vi (pid 7, user root)": read at once, for it may be gone a moment later.
std::string process_of(pid_t pid) {
  if (pid <= 0) {
    return {};
  }
  const auto process = util::process_status("/proc", pid);
  return process ? util::to_text(*process, pid) : fmt::format("pid {}, which has ended", pid);
}

class Fanotify : public Notifier {
 public:
  explicit Fanotify(util::Descriptor fd) : fd_(std::move(fd)) {}

  int descriptor() const override { return fd_.get(); }

  util::Status add(const std::string& path, Of of) override {
    const std::uint64_t mask = of == Of::kNames ? kNames : kContent;
    // The handle's bytes follow its head (open_by_handle_at(2)).
    alignas(file_handle) std::array<unsigned char, sizeof(file_handle) + kLongestHandle> room{};
    auto* const handle = reinterpret_cast<file_handle*>(room.data());
    handle->handle_bytes = kLongestHandle;
    int mount = 0;
    struct statfs system{};
    // A file is told of under its folder's handle, which is watched for names already.
    const std::uint64_t of_file = FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB;
    if (of == Of::kContent &&
        ::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR, mask,
                        AT_FDCWD, path.c_str()) != 0 &&
        errno == ENOTDIR &&
        ::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, of_file, AT_FDCWD,
                        path.c_str()) == 0) {
      return {};
    }
    if (::name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount, 0) != 0 ||
        ::statfs(path.c_str(), &system) != 0 ||
        ::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR, mask,
                        AT_FDCWD, path.c_str()) != 0) {
      switch (errno) {
        case ENOENT:
        case ENOTDIR:
          return util::Error(util::ErrorCode::kNotFound, "it is not there");
        case ENOSPC:
          return util::Error(util::ErrorCode::kUnavailable,
                             "the kernel watches no more folders: sysctl "
                             "fs.fanotify.max_user_marks=524288");
        case EOPNOTSUPP:
        case ENODEV:
        case EXDEV:
          return util::Error(util::ErrorCode::kInvalid,
                             fmt::format("the file system of {} has no handles for fanotify",
                                         util::printable(path, 200)));
        default:
          return util::errno_error(fmt::format("watching {}", util::printable(path, 200)), errno);
      }
    }
    paths_[key_of(&system.f_fsid, *handle, room.data() + sizeof(file_handle))] = path;
    return {};
  }

  void remove(std::string_view path) override {
    // The marks go with the folders; of one that was moved away nothing is told without its path.
    std::erase_if(paths_, [&](const auto& one) { return is_within(one.second, path); });
  }

  bool read(const std::function<void(Notice)>& use) override {
    alignas(fanotify_event_metadata) std::array<char, std::size_t{64} << 10U> buffer;
    bool all = true;
    last_pid_ = 0;  // numbers are given again
    while (true) {
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got <= 0) {
        if (got < 0 && errno == EINTR) {
          continue;
        }
        return all;
      }
      all = util::read_fanotify(std::string_view(buffer.data(), static_cast<std::size_t>(got)),
                                [&](const util::FanotifyRecord& record) { tell(record, use); }) &&
            all;
    }
  }

  std::size_t watched() const override { return paths_.size(); }

 private:
  void tell(const util::FanotifyRecord& record, const std::function<void(Notice)>& use) {
    const auto found = paths_.find(std::string(record.folder));
    if (found == paths_.end()) {
      return;
    }
    const std::string_view name = record.name;
    Notice notice;
    notice.path = name.empty() || name == "." ? found->second
                  : found->second == "/"      ? fmt::format("/{}", name)
                                              : fmt::format("{}/{}", found->second, name);
    const bool itself = (record.mask & (FAN_DELETE_SELF | FAN_MOVE_SELF)) != 0;
    // What became of the name its folder tells; another may have it by now.
    notice.is_folder = (record.mask & FAN_ONDIR) != 0 && !itself;
    if (itself || (record.mask & (FAN_DELETE | FAN_MOVED_FROM)) != 0) {
      notice.what = Notice::What::kGone;
    } else if ((record.mask & (FAN_CREATE | FAN_MOVED_TO)) != 0) {
      notice.what = Notice::What::kAppeared;
    }
    if (record.pid == last_pid_ && !last_process_.empty()) {
      notice.by = last_process_;
    } else {
      notice.by = process_of(record.pid);
      last_pid_ = record.pid;
      last_process_ = notice.by;
    }
    use(std::move(notice));
  }

  const util::Descriptor fd_;
  std::unordered_map<std::string, std::string> paths_;
  // Many events in a row have one cause.
  pid_t last_pid_ = 0;
  std::string last_process_;
};

}  // namespace

util::Result<std::unique_ptr<Notifier>> make_fanotify() {
  util::Descriptor fd(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return util::Error(
        util::ErrorCode::kDenied,
        errno == EPERM ? std::string("fanotify needs CAP_SYS_ADMIN (systemd/README.md); inotify is "
                                     "used, which does not name the process")
                       : fmt::format("this kernel has no fanotify with names ({}); inotify is used",
                                     std::strerror(errno)));
  }
  return std::unique_ptr<Notifier>(std::make_unique<Fanotify>(std::move(fd)));
}

}  // namespace warder::files
