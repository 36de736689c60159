#include "storage/directory.h"

#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/file.h"
#include "util/pace.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace warder::storage {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kBuffer = 256UL * 1024;

}  // namespace

std::string Directory::describe() const { return fmt::format("folder {}", path_.string()); }

util::Result<std::vector<Object>> Directory::list(std::string_view prefix) {
  std::vector<Object> found;
  std::error_code error;
  fs::directory_iterator at(path_, error);
  if (error) {
    return Error(
        error == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kIo,
        error.message() + "; is the disk mounted?");
  }
  for (const fs::directory_iterator end; at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix) || !is_valid_object_name(name)) {
      continue;
    }
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      found.push_back({name, static_cast<std::uint64_t>(info.st_size)});
    }
  }
  if (error) {
    return Error(ErrorCode::kIo, error.message());
  }
  std::ranges::sort(found, {}, &Object::name);
  return found;
}

util::Status Directory::put(const fs::path& file, std::string_view name, const Progress& progress) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  const util::Descriptor from(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from) {
    return util::errno_error(file.string(), errno);
  }
  const fs::path part = path_ / fmt::format(".part-{}", name);
  ::unlink(part.c_str());
  const util::Descriptor to(
      ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!to) {
    return util::errno_error(name, errno);
  }
  const auto copy = [&]() -> util::Status {
    util::Bytes buffer(kBuffer);
    util::Pace pace(bandwidth_, clock_);
    std::uint64_t total = 0;
    while (true) {
      const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
      if (got < 0) {
        return util::errno_error(file.string(), errno);
      }
      if (got == 0) {
        break;
      }
      const auto count = static_cast<std::size_t>(got);
      WARDER_RETURN_IF_ERROR(util::write_all(to.get(), util::ByteView(buffer).first(count), name));
      total += count;
      pace.spend(count);
      if (progress && !progress(total)) {
        return Error(ErrorCode::kUnavailable, "stopped");
      }
    }
    if (::fsync(to.get()) != 0) {
      return util::errno_error(name, errno);
    }
    // What is read back shall come from the disk as far as we can have it so.
    ::posix_fadvise(to.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (::rename(part.c_str(), (path_ / name).c_str()) != 0) {
      return util::errno_error(name, errno);
    }
    const util::Descriptor folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) {
      return util::errno_error("flushing", errno);
    }
    return {};
  };
  const util::Status copied = copy();
  if (!copied) {
    ::unlink(part.c_str());
  }
  return copied;
}

util::Status Directory::get(std::string_view name, util::ByteSink& sink) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  const fs::path path = path_ / name;
  const util::Descriptor from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from) {
    return util::errno_error("opening it", errno);
  }
  util::Bytes buffer(kBuffer);
  util::Pace pace(bandwidth_, clock_);
  while (true) {
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0) {
      return util::errno_error("reading it", errno);
    }
    if (got == 0) {
      return {};
    }
    const auto count = static_cast<std::size_t>(got);
    WARDER_RETURN_IF_ERROR(sink.write(util::ByteView(buffer).first(count)));
    pace.spend(count);
  }
}

util::Status Directory::remove(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_object_name(name));
  const fs::path path = path_ / name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return util::errno_error(name, errno);
  }
  return {};
}

}  // namespace warder::storage
