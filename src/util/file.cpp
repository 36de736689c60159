#include "util/file.h"

#include "util/descriptor.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::util {

Status write_all(int fd, ByteView bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error(what, errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path, ByteCount limit) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return errno_error(path.string(), errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return errno_error(path.string(), errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is not a regular file", path.string()));
  }
  std::string content;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error(path.string(), errno);
    }
    if (got == 0) {
      return content;
    }
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > limit.value) {
      return Error(ErrorCode::kInvalid, fmt::format("{}: is larger than the limit of {} bytes",
                                                    path.string(), limit.value));
    }
  }
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             mode_t mode, std::optional<FileOwner> owner) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  // mkostemp creates with 0600, so nobody else can open it before fchmod widens it.
  const Descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) {
    return errno_error(fmt::format("creating a file in {}", folder.string()), errno);
  }
  const auto give_up = [&](Error error) -> Status {
    ::unlink(temporary.c_str());
    return error.with_context(path.string());
  };
  if (owner && ::fchown(fd.get(), owner->user, owner->group) != 0) {
    return give_up(errno_error("chown", errno));
  }
  if (::fchmod(fd.get(), mode) != 0) {
    return give_up(errno_error("chmod", errno));
  }
  if (Status written = write_all(fd.get(), as_bytes(content), "write"); !written) {
    return give_up(written.error());
  }
  if (::fsync(fd.get()) != 0) {
    return give_up(errno_error("fsync", errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return give_up(errno_error("rename", errno));
  }
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return errno_error(fmt::format("flushing {}", folder.string()), errno);
  }
  return {};
}

}  // namespace warder::util
