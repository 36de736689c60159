#include "monitor/access_watch.h"

#include "util/descriptor.h"
#include "util/fanotify.h"
#include "util/process_status.h"
#include "util/strings.h"
#include "util/thread_name.h"
#include "util/thread_priority.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>
#include <utility>

namespace warder::monitor {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::uint64_t kMask = FAN_OPEN | FAN_EVENT_ON_CHILD;

Error refused(const std::filesystem::path& folder, int error) {
  switch (error) {
    case EPERM:
      return Error(ErrorCode::kDenied, "fanotify needs CAP_SYS_ADMIN (systemd/README.md)");
    case ENOENT:
    case ENOTDIR:
      return Error(ErrorCode::kNotFound, fmt::format("{} is not there", folder.string()));
    case EOPNOTSUPP:
    case ENODEV:
    case EXDEV:
      return Error(ErrorCode::kInvalid, fmt::format("the file system of {} has no handles for "
                                                    "fanotify",
                                                    util::printable(folder.string(), 200)));
    default:
      return util::errno_error("fanotify", error);
  }
}

}  // namespace

Opener opener_of(const std::filesystem::path& proc, std::int64_t pid) {
  Opener opener;
  opener.pid = pid;
  const std::filesystem::path folder = proc / std::to_string(pid);
  if (auto process = util::process_status(proc, pid)) {
    opener.user = process->user;
    opener.name = std::move(process->name);
  }
  std::error_code unseen;
  opener.program =
      util::printable(std::filesystem::read_symlink(folder / "exe", unseen).string(), 4096);
  return opener;
}

util::Result<std::unique_ptr<AccessWatch>> AccessWatch::start(Parts parts,
                                                              const util::Clock& clock) {
  util::Descriptor fanotify(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY | O_CLOEXEC));
  const std::filesystem::path folder = parts.database.parent_path();
  if (!fanotify || ::fanotify_mark(fanotify.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, kMask, AT_FDCWD,
                                   folder.c_str()) != 0) {
    return refused(folder, errno);
  }
  util::Descriptor end(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!end) {
    return util::errno_error("eventfd", errno);
  }
  return std::unique_ptr<AccessWatch>(
      new AccessWatch(std::move(parts), clock, fanotify.release(), end.release()));
}

AccessWatch::AccessWatch(Parts parts, const util::Clock& clock, int fanotify, int end)
    : parts_(std::move(parts)), clock_(clock), fanotify_(fanotify), end_(end) {
  thread_ = std::thread([this] { run(); });
}

AccessWatch::~AccessWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(end_, &one, sizeof one);
  thread_.join();
  ::close(fanotify_);
  ::close(end_);
}

AccessWatch::Taken AccessWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(kept_, {});
}

void AccessWatch::run() {
  util::name_thread("openings");
  // It is begun by a thread that lets everybody pass; this one has to be quicker than a process
  // ends.
  util::restore_thread_priority();
  while (true) {
    std::array<pollfd, 2> fds{{{end_, POLLIN, 0}, {fanotify_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[0].revents != 0) {
      return;
    }
    if (!read()) {
      {
        const std::lock_guard lock(mutex_);
        ++kept_.lost;
      }
      parts_.on_news();
    }
  }
}

bool AccessWatch::read() {
  alignas(fanotify_event_metadata) std::array<char, std::size_t{16} << 10U> buffer;
  const ssize_t got = ::read(fanotify_, buffer.data(), buffer.size());
  return got <= 0 ||
         util::read_fanotify(std::string_view(buffer.data(), static_cast<std::size_t>(got)),
                             [this](const util::FanotifyRecord& record) {
                               if (record.pid != ::getpid() && is_of_database(record.name)) {
                                 note(record.pid);
                               }
                             });
}

bool AccessWatch::is_of_database(std::string_view name) const {
  const std::string database = parts_.database.filename().string();
  return name == database || name == database + "-wal" || name == database + "-journal";
}

void AccessWatch::note(std::int64_t pid) {
  Seen seen{opener_of("/proc", pid), clock_.now()};
  if (!parts_.matters(seen.who)) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (kept_.openings.size() >= kMostKept) {
      ++kept_.lost;
      return;  // the news of those is out
    }
    kept_.openings.push_back(std::move(seen));
  }
  parts_.on_news();
}

}  // namespace warder::monitor
