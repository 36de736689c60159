#include "files/watch.h"
#include "util/descriptor.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>
#include <unordered_map>

namespace warder::files {
namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::uint32_t kContent = kNames | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                   IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK;

class Inotify : public Notifier {
 public:
  explicit Inotify(util::Descriptor fd) : fd_(std::move(fd)) {}

  int descriptor() const override { return fd_.get(); }

  util::Status add(const std::string& path, Of of) override {
    const int watch = ::inotify_add_watch(
        fd_.get(), path.c_str(),
        (of == Of::kNames ? kNames | IN_ONLYDIR : kContent) | IN_DONT_FOLLOW | IN_MASK_ADD);
    if (watch >= 0) {
      paths_[watch] = path;
      return {};
    }
    switch (errno) {
      case ENOSPC:
        return util::Error(
            util::ErrorCode::kUnavailable,
            fmt::format("the kernel watches no more than {} folders for this user: sysctl "
                        "fs.inotify.max_user_watches=524288, and the same line in "
                        "/etc/sysctl.d/warder.conf",
                        paths_.size()));
      case ENOENT:
      case ENOTDIR:
      case ELOOP:
        return util::Error(util::ErrorCode::kNotFound, "it is not there");
      default:
        return util::errno_error(fmt::format("watching {}", util::printable(path, 200)), errno);
    }
  }

  void remove(std::string_view path) override {
    std::erase_if(paths_, [&](const auto& one) {
      if (!is_within(one.second, path)) {
        return false;
      }
      ::inotify_rm_watch(fd_.get(), one.first);
      return true;
    });
  }

  bool read(const std::function<void(Notice)>& use) override {
    // Room for many; one event has at most this header and a name.
    alignas(inotify_event) std::array<char, std::size_t{64} << 10U> buffer;
    bool all = true;
    while (true) {
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got <= 0) {
        if (got < 0 && errno == EINTR) {
          continue;
        }
        return all;
      }
      for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* const name = event.len > 0 ? buffer.data() + at + sizeof event : "";
        at += sizeof event + event.len;
        all = all && (event.mask & IN_Q_OVERFLOW) == 0;
        handle(event, std::string_view(name, ::strnlen(name, event.len)), use);
      }
    }
  }

  std::size_t watched() const override { return paths_.size(); }

 private:
  void handle(const inotify_event& event, std::string_view name,
              const std::function<void(Notice)>& use) {
    const auto found = paths_.find(event.wd);
    if (found == paths_.end()) {
      return;
    }
    if ((event.mask & IN_IGNORED) != 0) {
      paths_.erase(found);
      return;
    }
    Notice notice;
    notice.path = name.empty()           ? found->second
                  : found->second == "/" ? fmt::format("/{}", name)
                                         : fmt::format("{}/{}", found->second, name);
    const bool itself = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
    // What became of the name its folder tells; another may have it by now.
    notice.is_folder = (event.mask & IN_ISDIR) != 0 && !itself;
    if (itself || (event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
      notice.what = Notice::What::kGone;
    } else if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
      notice.what = Notice::What::kAppeared;
    }
    use(std::move(notice));
  }

  const util::Descriptor fd_;
  std::unordered_map<int, std::string> paths_;
};

}  // namespace

util::Result<std::unique_ptr<Notifier>> make_inotify() {
  util::Descriptor fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) {
    if (errno == EMFILE) {
      return util::Error(util::ErrorCode::kUnavailable,
                         "the kernel gives this user no more inotify instances: sysctl "
                         "fs.inotify.max_user_instances=1024");
    }
    return util::errno_error("inotify", errno);
  }
  return std::unique_ptr<Notifier>(std::make_unique<Inotify>(std::move(fd)));
}

}  // namespace warder::files
