#include "files/walk.h"

#include "util/descriptor.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace warder::files {
namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10U;
constexpr int kAttempts = 3;
// What a file costs beside its bytes, in the budget.
constexpr std::uint64_t kCostOfFile = 4096;
constexpr std::uint64_t kCostOfLook = 256;

util::Error stopped() { return util::Error(util::ErrorCode::kUnavailable, "the scan was ended"); }

std::int64_t nanoseconds(const timespec& time) {
  // Times beyond 2262 do not fit; they only have to be told from others.
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
                                   static_cast<std::uint64_t>(time.tv_nsec));
}

FileType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kFolder;
    case S_IFLNK:
      return FileType::kLink;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFSOCK:
      return FileType::kSocket;
    case S_IFBLK:
      return FileType::kBlockDevice;
    case S_IFCHR:
      return FileType::kCharacterDevice;
    default:
      return FileType::kFile;
  }
}

void set_facts(const struct stat& info, Entry* entry) {
  entry->type = type_of(info.st_mode);
  entry->mode = info.st_mode & 07777U;
  entry->owner = info.st_uid;
  entry->group = info.st_gid;
  const bool device =
      entry->type == FileType::kBlockDevice || entry->type == FileType::kCharacterDevice;
  entry->size = device                           ? info.st_rdev
                : entry->type == FileType::kFile ? static_cast<std::uint64_t>(info.st_size)
                                                 : 0;
  entry->modified = nanoseconds(info.st_mtim);
  entry->changed = nanoseconds(info.st_ctim);
  entry->inode = info.st_ino;
}

// Without the right to leave the time of access alone the file is opened all the same.
util::Descriptor open_at(int folder, const char* name, int flags) {
  int fd = ::openat(folder, name, flags | O_NOATIME);
  if (fd < 0 && errno == EPERM) {
    fd = ::openat(folder, name, flags);
  }
  return util::Descriptor(fd);
}

// One number for file capabilities and access lists: what lets somebody do more than mode and owner
// say. Other attributes are no business of rights.
std::uint64_t attributes_of(int fd) {
  std::array<char, 4096> names;
  const ssize_t length = ::flistxattr(fd, names.data(), names.size());
  if (length <= 0) {
    return 0;
  }
  crypto::Sha256 hash;
  bool any = false;
  for (const char* const name :
       {"security.capability", "system.posix_acl_access", "system.posix_acl_default"}) {
    std::array<std::uint8_t, 4096> value;
    const ssize_t got = ::fgetxattr(fd, name, value.data(), value.size());
    if (got >= 0) {
      any = true;
      hash.update(util::as_bytes(std::string_view(name)));
      hash.update(util::ByteView(value.data(), static_cast<std::size_t>(got)));
    }
  }
  if (!any) {
    return 0;
  }
  const crypto::Sha256Digest digest = hash.finish();
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) {
    number = number << 8U | digest[static_cast<std::size_t>(i)];
  }
  return number | 1U;
}

bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         nanoseconds(a.st_mtim) == nanoseconds(b.st_mtim) &&
         nanoseconds(a.st_ctim) == nanoseconds(b.st_ctim);
}

std::string join(const std::string& folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + name.size() + 1);
  path += folder == "/" ? "" : folder;
  path += '/';
  path += name;
  return path;
}

}  // namespace

struct Walk::Frame {
  std::string path;
  util::Descriptor folder;
  std::vector<std::string> names;  // sorted backwards: the next one is the last
};

Walk::Walk(const Scope& scope, WalkLimits limits, util::Pace& pace)
    : scope_(scope),
      limits_(limits),
      pace_(pace),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer)) {}

Walk::~Walk() = default;

util::Status Walk::run(const std::string& root, Depth depth, Visitor& visitor) {
  if (scope_.is_excluded(root)) {
    return {};
  }
  struct stat info{};
  device_ = ::lstat(root.c_str(), &info) == 0 ? info.st_dev : 0;
  stack_.clear();
  WARDER_RETURN_IF_ERROR(visit(AT_FDCWD, root.c_str(), root, depth, visitor));
  while (!stack_.empty()) {
    if (stack_.back().names.empty()) {
      stack_.pop_back();
      continue;
    }
    const std::string name = std::move(stack_.back().names.back());
    stack_.back().names.pop_back();
    std::string path = join(stack_.back().path, name);
    if (path.size() > kLongestPath || scope_.is_excluded(path)) {
      continue;
    }
    WARDER_RETURN_IF_ERROR(visit(stack_.back().folder.get(), name.c_str(), path, depth, visitor));
  }
  return {};
}

util::Status Walk::visit(int folder, const char* name, const std::string& path, Depth depth,
                         Visitor& visitor) {
  WARDER_ASSIGN_OR_RETURN(const Entry* const known, visitor.at(path));
  struct stat info{};
  if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return {};  // it went since the folder was read, or was never there
  }
  if (++counts_.entries > limits_.most_entries) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("there are more than {} files and folders", limits_.most_entries));
  }
  Entry entry;
  entry.path = path;
  set_facts(info, &entry);
  util::Descriptor below;
  switch (entry.type) {
    case FileType::kFile:
      if (known != nullptr && known->type == FileType::kFile && known->content == Content::kRead &&
          known->size == entry.size && known->modified == entry.modified &&
          known->changed == entry.changed && known->inode == entry.inode) {
        entry.content = known->content;
        entry.digest = known->digest;
        entry.attributes = known->attributes;
        if (!pace_.spend(kCostOfLook)) {
          return stopped();
        }
        break;
      }
      switch (read_content(folder, name, &entry)) {
        case Read::kGone:
          return {};
        case Read::kStopped:
          return stopped();
        case Read::kDone:
        case Read::kAgain:
          break;
      }
      break;
    case FileType::kLink: {
      std::array<char, kLongestPath> target;
      const ssize_t length = ::readlinkat(folder, name, target.data(), target.size());
      entry.link.assign(target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
      break;
    }
    case FileType::kFolder:
      below = open_at(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (struct stat opened{}; below && ::fstat(below.get(), &opened) == 0) {
        set_facts(opened, &entry);
        info = opened;
        entry.attributes = attributes_of(below.get());
      } else {
        entry.content = Content::kDenied;
        ++counts_.denied;
      }
      if (!pace_.spend(kCostOfLook)) {
        return stopped();
      }
      break;
    default:
      break;
  }
  const bool is_folder = entry.type == FileType::kFolder;
  WARDER_RETURN_IF_ERROR(visitor.found(std::move(entry)));
  if (!is_folder || !below || depth == Depth::kSelf) {
    return {};
  }
  if (info.st_dev != device_) {
    ++counts_.mounts;
    return {};
  }
  if (stack_.size() >= WalkLimits::kDeepest) {
    ++counts_.too_deep;
    return {};
  }
  // readdir() on a descriptor of its own, so that its buffer goes when the names are known.
  DIR* const stream = ::fdopendir(::fcntl(below.get(), F_DUPFD_CLOEXEC, 0));
  if (stream == nullptr) {
    return util::errno_error("reading a folder", errno);
  }
  Frame frame{path, std::move(below), {}};
  while (const dirent* const one = ::readdir(stream)) {
    const std::string_view given = one->d_name;
    if (given != "." && given != "..") {
      frame.names.emplace_back(given);
      if (frame.names.size() > limits_.most_entries) {
        break;
      }
    }
  }
  ::closedir(stream);
  std::sort(frame.names.begin(), frame.names.end(), std::greater<>());
  stack_.push_back(std::move(frame));
  return {};
}

Walk::Read Walk::read_content(int folder, const char* name, Entry* entry) {
  if (entry->size > limits_.largest_file.value) {
    entry->content = Content::kTooLarge;
    ++counts_.too_large;
    return pace_.spend(kCostOfLook) ? Read::kDone : Read::kStopped;
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (const Read read = read_once(folder, name, entry); read != Read::kAgain) {
      return read;
    }
  }
  entry->content = Content::kUnsteady;
  ++counts_.unsteady;
  return Read::kDone;
}

// kAgain: it changed while it was read.
Walk::Read Walk::read_once(int folder, const char* name, Entry* entry) {
  const util::Descriptor file =
      open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (!file && errno == ENOENT) {
    return Read::kGone;
  }
  struct stat before{};
  if (!file || ::fstat(file.get(), &before) != 0) {
    entry->content = Content::kDenied;
    ++counts_.denied;
    return pace_.spend(kCostOfLook) ? Read::kDone : Read::kStopped;
  }
  set_facts(before, entry);
  if (entry->type != FileType::kFile) {
    return Read::kAgain;  // another took its name
  }
  entry->attributes = attributes_of(file.get());
  if (entry->size > kBuffer) {
    // What is read once need not push out what the services use.
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_NOREUSE);
  }
  crypto::Sha256 hash;
  std::uint64_t total = 0;
  while (true) {
    const ssize_t got = ::read(file.get(), buffer_.get(), kBuffer);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      entry->content = Content::kDenied;
      ++counts_.denied;
      return Read::kDone;
    }
    const auto length = static_cast<std::uint64_t>(got);
    hash.update(util::ByteView(buffer_.get(), length));
    total += length;
    counts_.bytes_read += length;
    if (!pace_.spend(length + (total == length ? kCostOfFile : 0))) {
      return Read::kStopped;
    }
    // A file that grows as fast as it is read would never end.
    if (got == 0 || total >= entry->size) {
      break;
    }
  }
  struct stat after{};
  if (::fstat(file.get(), &after) != 0 || !same_state(before, after) || total != entry->size) {
    return Read::kAgain;
  }
  entry->content = Content::kRead;
  entry->digest = hash.finish();
  ++counts_.files_read;
  return Read::kDone;
}

}  // namespace warder::files
