#include "util/socket_path.h"

#include <fmt/core.h>

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::util {

Status clear_socket_path(const std::filesystem::path& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Status() : errno_error(path.string(), errno);
  }
  if (!S_ISSOCK(found.st_mode)) {
    const char* const what = S_ISLNK(found.st_mode)   ? "a symbolic link"
                             : S_ISDIR(found.st_mode) ? "a folder"
                             : S_ISREG(found.st_mode) ? "a file"
                                                      : "something else";
    return Error(
        ErrorCode::kConflict,
        fmt::format("{}: {} lies where the socket belongs and stays as it is; move it away "
                    "or configure another path for the socket",
                    path.string(), what));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error(fmt::format("{}: removing the socket of user {} that nobody answers on",
                                   path.string(), found.st_uid),
                       errno);
  }
  return {};
}

}  // namespace warder::util
