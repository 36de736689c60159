#include "agent/state_lock.h"

#include <fmt/core.h>

#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::agent {

util::Result<util::Descriptor> lock_state(const std::filesystem::path& state) {
  const std::string path = state / "lock";
  util::Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) {
    return util::errno_error(
        fmt::format("{} (the folder of [agent] state must exist and belong to the agent's user)",
                    path),
        errno);
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
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
