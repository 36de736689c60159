#include "util/writable_place.h"

#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace warder::util {
namespace {

// One class of rights (owner, group, others) as in a mode, and as access(2) takes them.
constexpr mode_t kEnter = 01;
constexpr mode_t kMakeFiles = 03;
constexpr mode_t kReadAndWrite = 06;
static_assert(kEnter == X_OK && kMakeFiles == (W_OK | X_OK) && kReadAndWrite == (R_OK | W_OK));

bool may(const std::string& path, const struct stat& info, uid_t user, mode_t rights) {
  if (user == 0) {
    return true;
  }
  if (user == ::getuid() && user == ::geteuid()) {
    return ::access(path.c_str(), static_cast<int>(rights)) == 0 || errno != EACCES;
  }
  const auto grants = [&](unsigned shift) { return (info.st_mode >> shift & rights) == rights; };
  if (info.st_uid == user) {
    return grants(6);
  }
  return grants(3) || grants(0) ||
         ::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) >= 0;
}

Error denied(std::string_view path, const struct stat& info, uid_t user, std::string_view what) {
  return Error(ErrorCode::kDenied,
               fmt::format("the user {} may not {} {} (owner {}, group {}, mode {:o})",
                           user_name(user), what, printable(path), user_name(info.st_uid),
                           group_name(info.st_gid), info.st_mode & 07777U));
}

}  // namespace

Status can_keep_file(const std::filesystem::path& path, std::optional<uid_t> user) {
  struct stat info{};
  std::filesystem::path folder;
  for (const std::filesystem::path& part : path.parent_path()) {
    folder /= part;
    const std::string walked = folder.string();
    if (::stat(walked.c_str(), &info) != 0) {
      if (errno == ENOENT) {
        return Error(ErrorCode::kNotFound,
                     fmt::format("the folder {} does not exist", printable(walked)));
      }
      return {};  // who asks may not look
    }
    if (!S_ISDIR(info.st_mode)) {
      return Error(ErrorCode::kInvalid, fmt::format("{} is no folder", printable(walked)));
    }
    if (user && !may(walked, info, *user, kEnter)) {
      return denied(walked, info, *user, "enter");
    }
  }
  const struct stat last = info;
  if (::stat(path.c_str(), &info) != 0) {
    return user && errno == ENOENT && !may(folder.string(), last, *user, kMakeFiles)
               ? denied(folder.string(), last, *user, "make files in")
               : Status();
  }
  if (S_ISDIR(info.st_mode)) {
    return Error(ErrorCode::kInvalid, "it is a folder");
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, "it is no regular file");
  }
  if (user && !may(path.string(), info, *user, kReadAndWrite)) {
    return denied(path.string(), info, *user, "read and write");
  }
  return {};
}

}  // namespace warder::util
