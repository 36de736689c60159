#include "agent/state_lock.h"

#include <fmt/core.h>

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <grp.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace warder::agent {

util::Result<util::Descriptor> lock_state(const std::filesystem::path& state) {
  const std::string path = state / "lock";
  util::Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) {
    return util::errno_error(fmt::format("{}: cannot be made; the folder of [agent] state must be "
                                         "there and belong to the agent's user",
                                         path),
                             errno);
  }
  // One that was killed a moment ago may have a child (the check of the history) that holds its
  // lock until it ends, too.
  constexpr std::chrono::seconds kPatience{3};
  constexpr std::chrono::milliseconds kLook{20};
  const auto end = std::chrono::steady_clock::now() + kPatience;
  int locked = ::flock(lock.get(), LOCK_EX | LOCK_NB);
  while (locked != 0 && errno == EWOULDBLOCK && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
    locked = ::flock(lock.get(), LOCK_EX | LOCK_NB);
  }
  if (locked != 0) {
    return util::Error(
        util::ErrorCode::kConflict,
        fmt::format("another agent runs on {}; stop it first (systemctl stop warder)",
                    state.string()));
  }
  return lock;
}

util::Status become_owner_of(const std::filesystem::path& state) {
  struct stat info{};
  if (::stat(state.c_str(), &info) != 0) {
    return util::errno_error(state.string(), errno);
  }
  if (::geteuid() != 0 || info.st_uid == 0) {
    return {};
  }
  if (::setgroups(0, nullptr) != 0 || ::setresgid(info.st_gid, info.st_gid, info.st_gid) != 0 ||
      ::setresuid(info.st_uid, info.st_uid, info.st_uid) != 0) {
    return util::errno_error(fmt::format("becoming the owner of {}", state.string()), errno);
  }
  return {};
}

}  // namespace warder::agent
