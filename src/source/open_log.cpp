#include "source/open_log.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace warder::source {
namespace {

constexpr int kMostLinks = 8;

// File systems whose files are no stored bytes: reading may hang, never end or have effects.
constexpr std::array<std::int64_t, 9> kUnreal{
    PROC_SUPER_MAGIC,    SYSFS_MAGIC,  DEBUGFS_MAGIC,      TRACEFS_MAGIC,     SECURITYFS_MAGIC,
    CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC};

std::string_view name_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "no regular file";
  }
}

LookedAt failed(int error) {
  LookedAt result;
  result.state =
      error == ENOENT || error == ENOTDIR ? LookedAt::State::kAbsent : LookedAt::State::kFailed;
  result.error = error;
  return result;
}

LookedAt refused(std::string why) {
  LookedAt result;
  result.state = LookedAt::State::kRefused;
  result.why = std::move(why);
  return result;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// The folder of a path with its links resolved, so that the file's own folder can be watched.
std::string resolve_folder(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> folder(::realpath(folder_of(path).c_str(), nullptr),
                                                      std::free);
  if (!folder) {
    return path;
  }
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  return fmt::format("{}/{}", std::string_view(folder.get()) == "/" ? "" : folder.get(), name);
}

}  // namespace

LookedAt look_at(const std::string& path) {
  LookedAt result;
  std::array<std::uint32_t, kMostLinks> link_owners{};
  int links = 0;
  std::string place = path;
  while (true) {
    const util::Descriptor fd(::open(place.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      return failed(errno);
    }
    const FactsResult looked = facts_of(fd.get());
    if (!looked.facts) {
      return failed(looked.error);
    }
    const FileFacts& facts = *looked.facts;
    if (S_ISLNK(facts.mode)) {
      if (links == kMostLinks) {
        return failed(ELOOP);
      }
      std::array<char, PATH_MAX> target;
      const ssize_t length = ::readlinkat(fd.get(), "", target.data(), target.size());
      if (length <= 0) {
        return failed(length == 0 ? ENOENT : errno);
      }
      link_owners[static_cast<std::size_t>(links++)] = facts.owner;
      const std::string_view text(target.data(), static_cast<std::size_t>(length));
      place = text.front() == '/' ? std::string(text) : folder_of(place) + std::string(text);
      continue;
    }
    if (!S_ISREG(facts.mode)) {
      return refused(fmt::format("is {}", name_of(facts.mode)));
    }
    struct statfs system{};
    if (::fstatfs(fd.get(), &system) == 0 &&
        std::find(kUnreal.begin(), kUnreal.end(), system.f_type) != kUnreal.end()) {
      return refused("lies on a file system that holds no stored files (such as /proc)");
    }
    for (int i = 0; i < links; ++i) {
      const std::uint32_t owner = link_owners[static_cast<std::size_t>(i)];
      if (owner != 0 && owner != ::geteuid() && owner != facts.owner) {
        return refused(fmt::format("is a link made by user {} to a file of user {} ({})", owner,
                                   facts.owner, util::printable(place)));
      }
    }
    result.state = LookedAt::State::kRegular;
    result.facts = facts;
    result.link = links > 0;
    result.path = result.link ? resolve_folder(place) : place;
    return result;
  }
}

OpenedLog open_log(const std::string& real_path) {
  OpenedLog opened;
  opened.fd.reset(
      ::open(real_path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened.fd) {
    opened.error = errno;
    return opened;
  }
  const FactsResult facts = facts_of(opened.fd.get());
  opened.error = facts.error;
  opened.facts = facts.facts;
  if (opened.facts && !S_ISREG(opened.facts->mode)) {
    opened.facts.reset();
    opened.error = ESTALE;
  }
  if (!opened.facts) {
    opened.fd.reset();
  }
  return opened;
}

}  // namespace warder::source
