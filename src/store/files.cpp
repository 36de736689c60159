#include "store/files.h"

#include "log/log.h"
#include "store/reserve.h"
#include "util/descriptor.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

std::filesystem::path beside(const std::filesystem::path& path, std::string_view suffix) {
  std::filesystem::path result = path;
  result += suffix;
  return result;
}

util::Status rename_if_there(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
    return util::errno_error(fmt::format("moving {} away", from.string()), errno);
  }
  return {};
}

util::Status flush_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const util::Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return util::errno_error(fmt::format("flushing {}", folder.string()), errno);
  }
  return {};
}

struct FreeName {
  void operator()(char* name) const { sqlite3_free_filename(name); }
};

// An open file of a VFS.
class VfsFile {
 public:
  explicit VfsFile(sqlite3_vfs* vfs)
      : memory_(static_cast<std::size_t>(vfs->szOsFile)),
        file_(reinterpret_cast<sqlite3_file*>(memory_.data())) {}
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;
  ~VfsFile() {
    if (file_->pMethods != nullptr) {
      file_->pMethods->xClose(file_);
    }
  }
  sqlite3_file* get() { return file_; }
  const sqlite3_io_methods* operator->() const { return file_->pMethods; }

 private:
  std::vector<char> memory_;
  sqlite3_file* file_;
};

}  // namespace

util::Status prepare_file(const std::filesystem::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) {
      return util::errno_error(path.string(), errno);
    }
    const util::Descriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (made) {
      return {};
    }
    const int error = errno;
    return util::errno_error(
        fmt::format("{}: cannot be made; its folder must be there and belong to the agent's user",
                    path.string()),
        error);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is not a regular file", path.string()));
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) {
    const int error = errno;
    return util::errno_error(
        fmt::format("{}: of user {}, cannot be read and written by this one, {}{}", path.string(),
                    info.st_uid, ::geteuid(),
                    error == EROFS ? "" : "; give it to the agent's user with chown"),
        error);
  }
  if ((info.st_mode & S_IRWXO) != 0) {
    log::warning("{}: was readable by every user; taking that right away", path.string());
    if (::chmod(path.c_str(), info.st_mode & 07770U) != 0) {
      return util::errno_error(fmt::format("{}: chmod", path.string()), errno);
    }
  }
  return {};
}

bool was_emptied(const std::filesystem::path& path) {
  std::error_code none;
  return std::filesystem::file_size(path, none) == 0 &&
         std::filesystem::exists(Reserve::file_of(path), none);
}

util::Result<std::filesystem::path> set_aside_files(const std::filesystem::path& path,
                                                    util::WallTime now) {
  const std::string base = fmt::format(".damaged-{}", compact_time(now));
  std::filesystem::path target = beside(path, base);
  for (int i = 2; ::access(target.c_str(), F_OK) == 0; ++i) {
    target = beside(path, fmt::format("{}-{}", base, i));
  }
  for (const std::string_view suffix : {"-wal", "-shm", ""}) {
    WARDER_RETURN_IF_ERROR(rename_if_there(beside(path, suffix), beside(target, suffix)));
  }
  WARDER_RETURN_IF_ERROR(flush_folder(path));
  return target;
}

util::Status rewrite_journal(const std::filesystem::path& path, const std::string& vfs_name) {
  const std::filesystem::path journal = beside(path, "-wal");
  if (::access(journal.c_str(), F_OK) != 0) {
    return {};
  }
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  if (vfs == nullptr) {
    return Error(ErrorCode::kInternal, fmt::format("SQLite has no VFS '{}'", vfs_name));
  }
  const std::unique_ptr<char, FreeName> name(const_cast<char*>(
      sqlite3_create_filename(journal.c_str(), "", beside(path, "-wal").c_str(), 0, nullptr)));
  VfsFile file(vfs);
  const auto check = [&](int result, std::string_view what) -> util::Status {
    if (result != SQLITE_OK) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: {}: {}", journal.string(), what, sqlite3_errstr(result)));
    }
    return {};
  };
  int flags = 0;
  WARDER_RETURN_IF_ERROR(check(
      vfs->xOpen(vfs, name.get(), file.get(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, &flags),
      "open"));
  sqlite3_int64 size = 0;
  WARDER_RETURN_IF_ERROR(check(file->xFileSize(file.get(), &size), "size"));
  std::vector<char> block(65536);
  for (sqlite3_int64 at = 0; at < size; at += static_cast<sqlite3_int64>(block.size())) {
    const int part =
        static_cast<int>(std::min(size - at, static_cast<sqlite3_int64>(block.size())));
    WARDER_RETURN_IF_ERROR(check(file->xRead(file.get(), block.data(), part, at), "read"));
    WARDER_RETURN_IF_ERROR(check(file->xWrite(file.get(), block.data(), part, at), "write"));
  }
  return check(file->xSync(file.get(), SQLITE_SYNC_FULL), "sync");
}

std::string compact_time(util::WallTime time) {
  std::string text = util::format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace warder::store
