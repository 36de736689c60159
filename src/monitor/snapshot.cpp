#include "monitor/snapshot.h"

#include "monitor/database_check.h"
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
#include <thread>
#include <unistd.h>

namespace warder::monitor {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr int kSlice = 256;  // pages: 1 MiB of the usual size
constexpr int kMostRestarts = 5;
constexpr std::chrono::seconds kBusyLimit{60};
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

class Copy {
 public:
  // Into the file of that name, which is empty.
  Copy(Database& source, const std::string& name) : source_(source), name_(name) {}

  util::Status run() {
    WARDER_ASSIGN_OR_RETURN(const std::string mode, source_.text("PRAGMA journal_mode"));
    WARDER_RETURN_IF_ERROR(open_target());
    if (mode == "wal") {
      // One snapshot for the whole copy: writers go on beside it, the copy never begins anew.
      return whole(std::chrono::hours(24));
    }
    WARDER_ASSIGN_OR_RETURN(const bool done, in_slices());
    if (done) {
      return {};
    }
    WARDER_RETURN_IF_ERROR(open_target());
    return whole(kLongestLock);
  }

 private:
  struct Finish {
    void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
  };
  using Backup = std::unique_ptr<sqlite3_backup, Finish>;

  // Anew, since half a copy is no database.
  util::Status open_target() {
    target_.reset();
    if (::truncate(name_.c_str(), 0) != 0) {
      return util::errno_error(name_, errno);
    }
    sqlite3* opened = nullptr;
    const int result = sqlite3_open_v2(name_.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
    target_.reset(opened);
    if (result != SQLITE_OK) {
      return util::Error(util::ErrorCode::kIo,
                         fmt::format("{}: {}", name_, sqlite3_errstr(result)));
    }
    sqlite3_exec(opened, "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA cache_size=-1000",
                 nullptr, nullptr, nullptr);
    return {};
  }

  util::Result<Backup> begin() {
    Backup backup(sqlite3_backup_init(target_.get(), "main", source_.handle(), "main"));
    if (!backup) {
      return util::Error(util::ErrorCode::kIo,
                         fmt::format("copying: {}", sqlite3_errmsg(target_.get())));
    }
    return backup;
  }

  util::Error failed(int step) const {
    return util::Error(util::ErrorCode::kIo, fmt::format("copying: {}", sqlite3_errstr(step)));
  }

  // False when it is written too often to come to an end this way.
  util::Result<bool> in_slices() {
    WARDER_ASSIGN_OR_RETURN(const Backup backup, begin());
    const Steady::time_point until = Steady::now() + kBusyLimit;
    int restarts = 0;
    int last_left = 0;
    while (restarts <= kMostRestarts) {
      const int step = sqlite3_backup_step(backup.get(), kSlice);
      if (step == SQLITE_DONE) {
        return true;
      }
      if (step == SQLITE_BUSY || step == SQLITE_LOCKED) {
        if (Steady::now() > until) {
          return util::Error(util::ErrorCode::kUnavailable,
                             "another process has kept the database locked for a minute");
        }
        std::this_thread::sleep_for(milliseconds(20));
        continue;
      }
      if (step != SQLITE_OK) {
        return failed(step);
      }
      // A write of another process makes it begin anew, which shows in what is left.
      const int left = sqlite3_backup_remaining(backup.get());
      restarts += last_left != 0 && left >= last_left ? 1 : 0;
      last_left = left;
      std::this_thread::sleep_for(milliseconds(1));  // writers come to their turn
    }
    return false;
  }

  // With one read transaction around it.
  util::Status whole(Steady::duration limit) {
    const Steady::time_point until = Steady::now() + limit;
    // SQLite itself waits for a writer (busy_timeout).
    if (sqlite3_exec(source_.handle(), "BEGIN;SELECT count(*) FROM sqlite_schema", nullptr, nullptr,
                     nullptr) != SQLITE_OK) {
      const util::Error error = source_.failure("copying");
      sqlite3_exec(source_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
      return error;
    }
    const util::Status done = steps(until);
    sqlite3_exec(source_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    return done;
  }

  util::Status steps(Steady::time_point until) {
    WARDER_ASSIGN_OR_RETURN(const Backup backup, begin());
    int step = SQLITE_OK;
    while ((step = sqlite3_backup_step(backup.get(), kSlice)) == SQLITE_OK) {
      if (Steady::now() > until) {
        return util::Error(
            util::ErrorCode::kUnavailable,
            fmt::format("it is written so often that a copy would hold up writers for more than {} "
                        "s",
                        kLongestLock.count()));
      }
    }
    return step == SQLITE_DONE ? util::Status() : failed(step);
  }

  Database& source_;
  const std::string& name_;
  Handle target_;
};

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
  WARDER_RETURN_IF_ERROR(Copy(source, name).run());
  const std::uint64_t bytes = size_of(name);
  if (bytes >= 100) {
    WARDER_RETURN_IF_ERROR(leave_wal_mode(file.get()));
  }
  WARDER_ASSIGN_OR_RETURN(Database copy,
                          Database::open(file_uri(name, "immutable=1"), kCheckCache));
  return Snapshot{std::move(copy), bytes};
}

}  // namespace warder::monitor
