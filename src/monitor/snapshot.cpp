#include "monitor/snapshot.h"

#include "monitor/database_check.h"
#include "sqlite/online_copy.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace warder::monitor {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::uint64_t kLeaveFree = 64ULL << 20U;
constexpr const char* kPrefix = "snapshot-";
// Pages of the cache while the copy is checked: 2 MiB.
constexpr int kCheckCache = -2000;

void remove_left_over(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kPrefix)) {
      std::error_code ignored;
      std::filesystem::remove(entry->path(), ignored);
    }
  }
}

std::uint64_t size_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

util::Status check_room(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const std::uint64_t needed = size_of(path) + size_of(path.string() + "-wal") + kLeaveFree;
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) {
    return util::errno_error(folder.string(), errno);
  }
  const std::uint64_t there = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (there >= needed) {
    return {};
  }
  return util::Error(util::ErrorCode::kUnavailable,
                     fmt::format("a copy needs {} MiB in {}, and {} MiB are free", needed >> 20U,
                                 folder.string(), there >> 20U));
}

struct CloseHandle {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using Handle = std::unique_ptr<sqlite3, CloseHandle>;

// Into the file of that name, which is empty.
util::Status copy(Database& source, const std::string& name) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  const Handle target(opened);
  if (result != SQLITE_OK) {
    return util::Error(util::ErrorCode::kIo, fmt::format("{}: {}", name, sqlite3_errstr(result)));
  }
  sqlite3_exec(opened, "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA cache_size=-1000",
               nullptr, nullptr, nullptr);
  const util::SystemClock clock;
  const auto copied = sqlite::copy_online(
      source.handle(), opened, {.longest_whole = kLongestLock, .patience = kPatience}, clock, {});
  return copied ? util::Status() : copied.error().with_context("copying");
}

// The copy of a database in WAL mode says so in its header, and would be opened with a journal.
util::Status leave_wal_mode(int file) {
  const std::array<char, 2> rollback{1, 1};
  if (::pwrite(file, rollback.data(), rollback.size(), 18) != 2) {
    return util::errno_error("writing the copy", errno);
  }
  return {};
}

}  // namespace

util::Result<Snapshot> take_snapshot(Database& source, const std::filesystem::path& path,
                                     const std::filesystem::path& folder) {
  remove_left_over(folder);
  WARDER_RETURN_IF_ERROR(check_room(path, folder));
  std::string name = (folder / (std::string(kPrefix) + "XXXXXX")).string();
  const util::Descriptor file(::mkostemp(name.data(), O_CLOEXEC));  // 0600
  if (!file) {
    return util::errno_error(folder.string(), errno);
  }
  struct Unlink {
    const std::string& name;
    ~Unlink() { ::unlink(name.c_str()); }
  } const unlink{name};
  WARDER_RETURN_IF_ERROR(copy(source, name));
  const std::uint64_t bytes = size_of(name);
  if (bytes >= 100) {
    WARDER_RETURN_IF_ERROR(leave_wal_mode(file.get()));
  }
  WARDER_ASSIGN_OR_RETURN(Database database,
                          Database::open(file_uri(name, "immutable=1"), kCheckCache));
  return Snapshot{std::move(database), bytes};
}

}  // namespace warder::monitor
