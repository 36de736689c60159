#include "util/unix_socket.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::util {
namespace {

// Nobody answers there. Takes away a socket and nothing else.
Status clear_path(const std::filesystem::path& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Status() : errno_error(printable(path.native()), errno);
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
                    printable(path.native()), what));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error(fmt::format("{}: removing the socket of user {} that nobody answers on",
                                   printable(path.native()), found.st_uid),
                       errno);
  }
  return {};
}

// Also who is too busy to take one more connection, and who speaks another type.
bool somebody_answers(const UnixAddress& address, int type) {
  const Descriptor probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && (::connect(probe.get(), address.generic(), address.size()) == 0 ||
                   errno == EAGAIN || errno == EPROTOTYPE);
}

Error cannot_listen(const std::string& where, int reason) {
  const char* const remedy =
      reason == ENOENT ? " (its folder must be there before)"
      : reason == EACCES || reason == EROFS
          ? " (its folder must be this user's to write in; for a unit see ReadWritePaths=, "
            "systemd/README.md)"
          : "";
  return errno_error(fmt::format("listening at {}{}", where, remedy), reason);
}

}  // namespace

Result<UnixAddress> unix_address(const std::filesystem::path& path) {
  UnixAddress address;
  address.name.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof address.name.sun_path) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' cannot name a socket: 1 to {} bytes are "
                             "allowed",
                             printable(text), sizeof address.name.sun_path - 1));
  }
  std::memcpy(address.name.sun_path, text.data(), text.size());
  return address;
}

Result<Descriptor> listen_unix(const UnixListener& listener) {
  WARDER_ASSIGN_OR_RETURN(const UnixAddress address, unix_address(listener.path));
  const std::string where = printable(listener.path.native());
  if (somebody_answers(address, listener.type)) {
    return Error(ErrorCode::kConflict, fmt::format("another {} answers on {}; {}", listener.owner,
                                                   where, listener.remedy));
  }
  WARDER_RETURN_IF_ERROR(clear_path(listener.path));
  Descriptor fd(::socket(AF_UNIX, listener.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The mode of the descriptor, less the umask, is what bind() makes the socket with: at no moment
  // may others connect, nor may the group before it is the right one.
  if (!fd || ::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), address.generic(), address.size()) != 0) {
    return cannot_listen(where, errno);
  }
  if (listener.group != static_cast<gid_t>(-1) &&
      ::chown(listener.path.c_str(), static_cast<uid_t>(-1), listener.group) != 0) {
    return errno_error(fmt::format("giving {} to its group", where), errno);
  }
  if (::chmod(listener.path.c_str(), 0660) != 0 || ::listen(fd.get(), listener.backlog) != 0) {
    return cannot_listen(where, errno);
  }
  return fd;
}

}  // namespace warder::util
