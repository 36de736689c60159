#include "vault/write_lock.h"

#include <fmt/core.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace warder::vault {

util::Result<WriteLock> WriteLock::acquire(const std::filesystem::path& path,
                                           std::chrono::milliseconds wait,
                                           std::optional<util::FileOwner> owner) {
  const std::string name = path.string() + ".lock";
  util::Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    return util::errno_error(name, errno);
  }
  if (owner && ::fchown(fd.get(), owner->user, owner->group) != 0) {
    return util::errno_error(fmt::format("{}: chown", name), errno);
  }
  constexpr std::chrono::milliseconds kStep{10};
  for (std::chrono::milliseconds waited{0};; waited += kStep) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      return WriteLock(std::move(fd));
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return util::errno_error(name, errno);
    }
    if (waited >= wait) {
      return util::Error(util::ErrorCode::kConflict,
                         fmt::format("{}: another process is writing to the vault; try again when "
                                     "it has ended",
                                     path.string()));
    }
    std::this_thread::sleep_for(kStep);
  }
}

}  // namespace warder::vault
