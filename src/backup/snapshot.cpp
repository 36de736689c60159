#include "backup/snapshot.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <thread>

namespace warder::backup {
namespace {

using std::chrono::microseconds;
using util::Error;
using util::ErrorCode;

constexpr int kFirstStep = 64;    // pages
constexpr int kMostPages = 4096;  // a step
constexpr std::chrono::milliseconds kPause{2};
constexpr std::chrono::milliseconds kRetry{50};

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};
using Backup = std::unique_ptr<sqlite3_backup, FinishBackup>;

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

util::Result<Identity> identity_of(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return util::errno_error(path.string(), errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is not a regular file", path.string()));
  }
  return Identity{info.st_dev, info.st_ino};
}

// The copying itself, with what it has learned about the writers.
class Copy {
 public:
  Copy(store::Connection& from, store::Connection& to, const SnapshotOptions& options,
       const util::Clock& clock, const Progress& progress)
      : from_(from), to_(to), options_(options), clock_(clock), progress_(progress) {}

  util::Result<SnapshotFacts> run() {
    WARDER_ASSIGN_OR_RETURN(page_size_, from_.integer("PRAGMA page_size"));
    {
      WARDER_ASSIGN_OR_RETURN(store::Statement mode, from_.prepare("PRAGMA journal_mode"));
      store::Rows rows = mode.run();
      facts_.wal = rows.next() && rows.text(0) == "wal";
      WARDER_RETURN_IF_ERROR(rows.status());
    }
    if (facts_.wal) {
      WARDER_RETURN_IF_ERROR(from_.execute("BEGIN; SELECT count(*) FROM sqlite_schema"));
    }
    backup_.reset(sqlite3_backup_init(to_.handle(), "main", from_.handle(), "main"));
    if (!backup_) {
      return to_.failure(sqlite3_errcode(to_.handle()));
    }
    util::Status copied = steps();
    backup_.reset();
    if (facts_.wal) {
      from_.roll_back();
    }
    WARDER_RETURN_IF_ERROR(copied);
    return facts_;
  }

 private:
  util::Status steps() {
    int pages = kFirstStep;
    int last_remaining = -1;
    util::MonotonicTime waiting_since{};
    while (true) {
      const util::MonotonicTime begin = clock_.monotonic();
      const int result = sqlite3_backup_step(backup_.get(), pages);
      const microseconds took = clock_.monotonic() - begin;
      if (result == SQLITE_DONE) {
        note(took);
        return {};
      }
      if (result == SQLITE_BUSY || result == SQLITE_LOCKED) {
        if (waiting_since == util::MonotonicTime{}) {
          waiting_since = begin;
        }
        if (clock_.monotonic() - waiting_since > options_.patience) {
          return Error(ErrorCode::kUnavailable,
                       "somebody keeps the database locked; see who does (lsof), or back up when "
                       "it is quieter");
        }
        std::this_thread::sleep_for(kRetry);
        continue;
      }
      if (result != SQLITE_OK) {
        return to_.failure(result);
      }
      waiting_since = {};
      note(took);
      const int remaining = sqlite3_backup_remaining(backup_.get());
      const int total = sqlite3_backup_pagecount(backup_.get());
      if (last_remaining >= 0 && remaining >= last_remaining && !facts_.wal) {
        WARDER_ASSIGN_OR_RETURN(pages, after_restart(total));
      } else {
        pages = next_size(pages, took);
      }
      last_remaining = remaining;
      copied_ += static_cast<std::uint64_t>(std::max(pages, 0));
      if (progress_ && !progress_(static_cast<std::uint64_t>(total - remaining) *
                                  static_cast<std::uint64_t>(page_size_))) {
        return Error(ErrorCode::kUnavailable, "stopped");
      }
      if (!facts_.wal && pages > 0) {
        std::this_thread::sleep_for(kPause);
      }
    }
  }

  void note(microseconds took) {
    facts_.longest_step = std::max(facts_.longest_step, took);
    busy_ += took;
  }

  // A step that took too long is followed by a shorter one.
  int next_size(int pages, microseconds took) const {
    if (took > options_.longest_lock / 2) {
      return std::max(pages / 2, 1);
    }
    return took < options_.longest_lock / 8 ? std::min(pages * 2, kMostPages) : pages;
  }

  // Somebody wrote between two steps and SQLite began anew. After some of that the whole is copied
  // in one step, if that will not take too long by what was measured.
  util::Result<int> after_restart(int total) {
    ++facts_.restarts;
    if (facts_.restarts < options_.restarts) {
      return kFirstStep;
    }
    const double per_page =
        copied_ == 0 ? 0.0 : static_cast<double>(busy_.count()) / static_cast<double>(copied_);
    const microseconds whole{static_cast<std::int64_t>(per_page * total)};
    if (whole <= options_.longest_whole) {
      return -1;
    }
    if (facts_.restarts < options_.restarts * 4) {
      return kFirstStep;
    }
    return Error(
        ErrorCode::kUnavailable,
        "the database is written too often to be copied between two writes, and it is too large to "
        "have writers wait: switch it to WAL (sqlite3 FILE 'PRAGMA journal_mode=WAL'), or raise "
        "longest_lock");
  }

  store::Connection& from_;
  store::Connection& to_;
  const SnapshotOptions& options_;
  const util::Clock& clock_;
  const Progress& progress_;
  Backup backup_;
  SnapshotFacts facts_;
  std::int64_t page_size_ = 0;
  microseconds busy_{0};
  std::uint64_t copied_ = 0;
};

}  // namespace

util::Result<SnapshotFacts> take_snapshot(const std::filesystem::path& source,
                                          const std::filesystem::path& target,
                                          const SnapshotOptions& options, const util::Clock& clock,
                                          const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const Identity before, identity_of(source));
  {
    // SQLite would make the file as the umask says.
    WARDER_ASSIGN_OR_RETURN(FileSink empty, FileSink::create(target));
    WARDER_RETURN_IF_ERROR(empty.finish());
  }
  using Mode = store::Connection::Mode;
  WARDER_ASSIGN_OR_RETURN(const auto from, store::Connection::open(source, Mode::kReadOnly, {}));
  WARDER_ASSIGN_OR_RETURN(const auto to, store::Connection::open(target, Mode::kReadWrite, {}));
  WARDER_RETURN_IF_ERROR(from->execute("PRAGMA cache_size=-1024"));
  // A copy that breaks off is thrown away: it needs neither journal nor flushes.
  WARDER_RETURN_IF_ERROR(
      to->execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-1024"));
  Copy copy(*from, *to, options, clock, progress);
  auto facts = copy.run();
  if (!facts) {
    return facts.error().with_context(fmt::format("copying {}", source.string()));
  }
  const auto after = identity_of(source);
  if (!after || *after != before) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{} was replaced by another file while it was copied: what was copied "
                             "is the old one; run the backup again",
                             source.string()));
  }
  return facts;
}

}  // namespace warder::backup
