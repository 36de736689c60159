#include "vault/private_file.h"

#include "util/descriptor.h"

#include <fmt/core.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

util::Status check_access(const std::filesystem::path& path, std::string_view what,
                          mode_t forbidden, std::optional<uid_t> allowed_owner,
                          const struct stat& info) {
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: {} must be a regular file", path.string(), what));
  }
  const uid_t self = ::geteuid();
  if (info.st_uid != 0 && info.st_uid != self && info.st_uid != allowed_owner) {
    return Error(ErrorCode::kDenied,
                 fmt::format("{}: {} belongs to user id {}, not to user id {} or root, so others "
                             "may have read or changed it; make sure that it is genuine, then run: "
                             "chown {} {}",
                             path.string(), what, info.st_uid, self, self, path.string()));
  }
  if ((info.st_mode & forbidden) != 0) {
    const mode_t mode = info.st_mode & 07777U;
    return Error(
        ErrorCode::kDenied,
        fmt::format("{}: {} has mode {:04o}, so other users can {} it; run: chmod {:04o} {}",
                    path.string(), what, mode, forbidden == kNobodyElseWrites ? "change" : "read",
                    mode & ~forbidden, path.string()));
  }
  return {};
}

}  // namespace

util::Result<PrivateFile> read_private_file(const std::filesystem::path& path,
                                            std::string_view what, mode_t forbidden,
                                            util::ByteCount limit,
                                            std::optional<uid_t> allowed_owner) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd) {
    if (errno == ELOOP) {
      return Error(ErrorCode::kDenied,
                   fmt::format("{}: {} is a symbolic link, which is not followed; name the file "
                               "itself",
                               path.string(), what));
    }
    if (errno == EACCES) {
      return Error(ErrorCode::kDenied,
                   fmt::format("{}: {} cannot be read by user id {}; run: chown {} {}",
                               path.string(), what, ::geteuid(), ::geteuid(), path.string()));
    }
    return util::errno_error(fmt::format("{}: reading {}", path.string(), what), errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return util::errno_error(path.string(), errno);
  }
  WARDER_RETURN_IF_ERROR(check_access(path, what, forbidden, allowed_owner, info));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > limit.value) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: {} is larger than the limit of {} bytes",
                                                  path.string(), what, limit.value));
  }
  // Read into memory that will be wiped, not through a growing string. Files with secrets are
  // replaced, never appended to, so the size does not change under us.
  PrivateFile file;
  file.content = crypto::SecretString::of_size(size);
  file.user = info.st_uid;
  file.group = info.st_gid;
  file.mode = info.st_mode & 07777U;
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::read(fd.get(), file.content.mutable_bytes().data() + got, size - got);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return util::errno_error(path.string(), errno);
    }
    if (count == 0) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: {} was cut while it was read", path.string(), what));
    }
    got += static_cast<std::size_t>(count);
  }
  return file;
}

}  // namespace warder::vault
