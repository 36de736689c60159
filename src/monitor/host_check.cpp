#include "monitor/host_check.h"

#include "monitor/make_outcome.h"
#include "monitor/proc.h"
#include "monitor/text.h"
#include "util/descriptor.h"
#include "util/duration.h"
#include "util/file.h"
#include "util/process_status.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace warder::monitor {
namespace {

using nlohmann::json;
using State = Outcome::State;
using std::chrono::seconds;

constexpr util::ByteCount kLongestProc = util::mebibytes(8);
// SQLite's lock bytes (os.h, wal.c): PENDING, RESERVED and SHARED of the file, WRITE of the -shm.
constexpr std::uint64_t kPendingByte = 0x40000000;
constexpr std::uint64_t kSharedLast = kPendingByte + 2 + 509;
constexpr std::uint64_t kWalWriteByte = 120;
constexpr std::uint64_t kWalFirstReadByte = 123;
constexpr std::uint64_t kWalLastReadByte = 127;
// A lock that is there at two looks may be another one each time: it is looked at again so often.
constexpr int kLooks = 10;
constexpr std::chrono::milliseconds kBetweenLooks{20};

// The file as /proc/locks names it, which on btrfs and overlayfs is not what stat(2) says: asked of
// a watch that is set for a moment. Opening the file instead would, at its closing, take away
// whatever locks this process has on it (fcntl(2)). Empty when it is not there.
std::optional<FileIdentity> identity_of(const std::filesystem::path& path,
                                        const std::filesystem::path& proc) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) {
    return std::nullopt;
  }
  const util::Descriptor watch(::inotify_init1(IN_CLOEXEC));
  if (watch.get() >= 0 && ::inotify_add_watch(watch.get(), path.c_str(), IN_DELETE_SELF) >= 0) {
    const auto text =
        util::read_file(proc / "self/fdinfo" / std::to_string(watch.get()), kLongestProc);
    if (const auto named = text ? parse_watched_file(*text) : std::nullopt) {
      return named;
    }
  }
  return FileIdentity{::major(file.st_dev), ::minor(file.st_dev), file.st_ino};
}

bool is_of(const FileLock& lock, const FileIdentity& file) {
  return FileIdentity{lock.major, lock.minor, lock.inode} == file;
}

}  // namespace

HostChecks::HostChecks(MonitorOptions options, std::filesystem::path state, BackupSource backups,
                       const util::Clock& clock, std::filesystem::path proc,
                       std::function<void()> on_opening)
    : options_(std::move(options)),
      state_(std::move(state)),
      backups_(std::move(backups)),
      clock_(clock),
      proc_(std::move(proc)),
      access_(options_, proc_, clock_, std::move(on_opening)) {}

Outcome HostChecks::make(Check check) {
  Outcome outcome;
  switch (check) {
    case Check::kWalSize:
    case Check::kDatabaseSize:
      outcome = file_size(check);
      break;
    case Check::kLock:
      outcome = lock();
      break;
    case Check::kDisk:
      outcome = disk();
      break;
    case Check::kMemory:
      outcome = memory();
      break;
    case Check::kBackupAge:
      outcome = backup_age();
      break;
    case Check::kBackupFailures:
      outcome = backup_failures();
      break;
    case Check::kAccess:
      outcome = access_.make();
      break;
    default:
      outcome = unknown("is a check of the content", "", "");
  }
  outcome.check = check;
  return outcome;
}

Outcome HostChecks::file_size(Check check) {
  struct stat info{};
  if (::stat(options_.database.c_str(), &info) != 0) {
    return unreachable(options_.database, errno);
  }
  Outcome outcome;
  const std::string database = shell_word(options_.database.string());
  if (check == Check::kDatabaseSize) {
    const auto bytes = static_cast<std::uint64_t>(info.st_size);
    outcome.facts = facts_text({{"bytes", bytes}, {"limit", options_.max_database_size.value}});
    outcome.text = fmt::format("the database has {} (limit {})", size_text(bytes),
                               size_text(options_.max_database_size.value));
    if (bytes > options_.max_database_size.value) {
      outcome.state = State::kBad;
      outcome.mark = "large";
      outcome.cause = "the service stores more than was planned for, or keeps what is deleted";
      outcome.next = fmt::format(
          "sqlite3 -readonly {} 'PRAGMA freelist_count; PRAGMA page_count'; raise "
          "max_database_size of [monitor {}] if this is right",
          database, options_.name);
    }
    return outcome;
  }
  std::uint64_t bytes = 0;
  if (::stat((options_.database.string() + "-wal").c_str(), &info) == 0) {
    bytes = static_cast<std::uint64_t>(info.st_size);
  } else if (errno != ENOENT) {
    return unreachable(options_.database.string() + "-wal", errno);
  }
  outcome.facts = facts_text({{"bytes", bytes}, {"limit", options_.max_wal_size.value}});
  outcome.text = fmt::format("the write-ahead log has {} (limit {})", size_text(bytes),
                             size_text(options_.max_wal_size.value));
  if (bytes > options_.max_wal_size.value) {
    const std::string who = readers();
    outcome.state = State::kBad;
    outcome.mark = "long";
    outcome.text += who.empty() ? "" : "; read by " + who;
    outcome.cause = who.empty()
                        ? "one large transaction, or the service does not move it into the database"
                        : "a reader that does not end keeps it from being moved into the database";
    outcome.next = fmt::format(
        "sqlite3 {} 'PRAGMA wal_checkpoint(TRUNCATE)' (0 at first means it worked)", database);
  }
  return outcome;
}

// Who holds a read mark of the WAL: "backup.sh (pid 12), sqlite3 (pid 14)".
std::string HostChecks::readers() const {
  const auto shm = identity_of(options_.database.string() + "-shm", proc_);
  const auto text = util::read_file(proc_ / "locks", kLongestProc);
  if (!text || !shm) {
    return {};
  }
  std::vector<std::string> names;
  for (const FileLock& lock : parse_locks(*text)) {
    if (is_of(lock, *shm) && !lock.write && lock.first >= kWalFirstReadByte &&
        lock.last <= kWalLastReadByte && lock.pid != ::getpid()) {
      std::string name = name_of(lock.pid);
      if (std::find(names.begin(), names.end(), name) == names.end() && names.size() < 5) {
        names.push_back(std::move(name));
      }
    }
  }
  std::string all;
  for (const std::string& name : names) {
    all += (all.empty() ? "" : ", ") + name;
  }
  return all;
}

std::string HostChecks::name_of(std::int64_t pid) const {
  if (pid <= 0) {
    return "a process that cannot be seen from here (of a container, or by an open file's lock)";
  }
  const auto process = util::process_status(proc_, pid);
  return process ? util::to_text(*process, pid) : fmt::format("pid {}", pid);
}

// Only a lock that keeps others out: WRITE of the WAL; RESERVED, PENDING or EXCLUSIVE of the other
// modes, or SHARED there, which keeps writers from ending. The agent's own reading does not count.
util::Result<std::optional<HostChecks::Holder>> HostChecks::lock_holder() const {
  const auto file = identity_of(options_.database, proc_);
  const auto shm = identity_of(options_.database.string() + "-shm", proc_);
  if (!file) {
    return std::optional<Holder>();
  }
  WARDER_ASSIGN_OR_RETURN(const std::string text, util::read_file(proc_ / "locks", kLongestProc));
  std::optional<Holder> holder;
  for (const FileLock& lock : parse_locks(text)) {
    const bool of_file =
        is_of(lock, *file) && lock.first <= kSharedLast && lock.last >= kPendingByte;
    const bool of_wal = shm && is_of(lock, *shm) && lock.write && lock.first <= kWalWriteByte &&
                        lock.last >= kWalWriteByte;
    // Every connection in WAL mode holds SHARED on the file all the time.
    const bool counts = of_wal || (of_file && (lock.write || !shm));
    if (counts && lock.pid != ::getpid() && (!holder || (lock.write && !holder->write))) {
      holder = Holder{lock.pid, lock.write};
    }
  }
  return holder;
}

Outcome HostChecks::lock() {
  struct stat file{};
  if (::stat(options_.database.c_str(), &file) != 0) {
    holder_.reset();
    return unreachable(options_.database, errno);
  }
  const auto looked = lock_holder();
  if (!looked) {
    return unknown(looked.error().message(), "the service's unit hides /proc/locks",
                   "systemctl show warder -p ProcSubset (must be all)");
  }
  std::optional<Holder> now = *looked;
  if (now && holder_ == now) {
    // A busy writer takes and frees the lock all the time: one look without it clears it.
    for (int look = 1; look < kLooks && now; ++look) {
      std::this_thread::sleep_for(kBetweenLooks);
      if (const auto again = lock_holder(); !again || *again != now) {
        now.reset();
      }
    }
  }
  if (now != holder_) {
    holder_ = now;
    held_since_ = clock_.monotonic();
  }
  Outcome outcome;
  if (!holder_) {
    outcome.text = "no lock is held for long";
    return outcome;
  }
  const auto held = std::chrono::duration_cast<seconds>(clock_.monotonic() - held_since_);
  const std::string who = name_of(holder_->pid);
  outcome.facts = facts_text({{"pid", holder_->pid}, {"who", who}, {"seconds", held.count()}});
  outcome.text =
      fmt::format("{} {} the database for {}", who,
                  holder_->write ? "has locked" : "has been reading", util::format_duration(held));
  if (held >= options_.database_lock_duration) {
    outcome.state = State::kBad;
    outcome.mark = fmt::format("lock {}", holder_->pid);
    outcome.cause = holder_->write ? "a transaction that does not end: nobody else can write"
                                   : "a reader that does not end: nobody can finish writing";
    outcome.next = holder_->pid > 0
                       ? fmt::format("ps -fp {}; end it if it should not be there", holder_->pid)
                       : fmt::format("lsof {}", shell_word(options_.database.string()));
  }
  return outcome;
}

Outcome HostChecks::disk() const {
  const std::filesystem::path where = options_.database.empty() ? state_ : options_.database;
  struct statvfs disk{};
  if (::statvfs(where.c_str(), &disk) != 0) {
    return unreachable(where, errno);
  }
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::uint64_t files = disk.f_favail;
  Outcome outcome;
  outcome.facts = facts_text({{"free_bytes", free}, {"limit", options_.min_free_disk.value}});
  outcome.text =
      fmt::format("{} are free where {} lies (limit {})", size_text(free),
                  util::printable(where.string()), size_text(options_.min_free_disk.value));
  if (free < options_.min_free_disk.value || (disk.f_files != 0 && files == 0)) {
    outcome.state = State::kBad;
    outcome.mark = "full";
    outcome.text += disk.f_files != 0 && files == 0 ? "; no inode is free" : "";
    outcome.cause = "the disk fills up: the service's next write may fail";
    const std::string folder =
        shell_word(where.has_parent_path() ? where.parent_path().string() : where.string());
    outcome.next = fmt::format("df -h {}; du -xh {} | sort -h | tail", folder, folder);
  }
  return outcome;
}

Outcome HostChecks::memory() const {
  const auto text = util::read_file(proc_ / "meminfo", kLongestProc);
  const auto figures = text ? parse_meminfo(*text) : std::nullopt;
  if (!figures) {
    return unknown("/proc/meminfo cannot be read", "the kernel does not tell its memory",
                   "cat /proc/meminfo");
  }
  const std::uint64_t used = figures->total - figures->available;
  const double percent = static_cast<double>(used) * 100 / static_cast<double>(figures->total);
  Outcome outcome;
  outcome.facts = facts_text({{"percent", static_cast<int>(percent)},
                              {"total_bytes", figures->total},
                              {"used_bytes", used}});
  outcome.text = fmt::format("{:.1f}% of the memory is in use ({} of {}; limit {}%)", percent,
                             size_text(used), size_text(figures->total), options_.max_memory);
  if (percent > options_.max_memory) {
    outcome.state = State::kBad;
    outcome.mark = "memory";
    outcome.cause = "a program grows, or the host is too small for what runs on it";
    outcome.next = "ps -eo pid,rss,comm --sort=-rss | head";
  }
  return outcome;
}

util::Result<BackupRecord> HostChecks::backup_record() const {
  if (options_.backups.empty()) {
    return backups_();
  }
  BackupSizes sizes;
  sizes.least = options_.min_backup_size;
  sizes.share = options_.min_backup_share;
  sizes.recent = options_.max_backup_age;
  return read_backup_folder(options_.backups, sizes, clock_.now());
}

Outcome HostChecks::backup_age() const {
  const auto record = backup_record();
  if (!record) {
    return unknown(record.error().message(), "the backups cannot be looked at",
                   options_.backups.empty()
                       ? "warder events --kind backup"
                       : fmt::format("ls -ld {}", shell_word(options_.backups.string())));
  }
  Outcome outcome;
  const std::string next =
      options_.backups.empty()
          ? "warder events --kind backup --since 7d"
          : fmt::format("ls -lt {} | head", shell_word(options_.backups.string()));
  const std::optional<util::WallTime> newest = record->newest_good;
  const std::optional<SmallBackup> small = record->small;
  if (!newest) {
    outcome.state = State::kBad;
    outcome.mark = "none";
    outcome.text = "there is no backup";
    outcome.cause = "none was ever made, or none where it is looked for";
    outcome.next = next;
    return outcome;
  }
  const auto age =
      std::max(seconds(0), std::chrono::duration_cast<seconds>(clock_.now() - *newest));
  outcome.facts =
      facts_text({{"age_seconds", age.count()}, {"newest", util::format_rfc3339(*newest)}});
  outcome.text = fmt::format("the newest backup is {} old (limit {})", util::format_duration(age),
                             util::format_duration(options_.max_backup_age));
  if (age > options_.max_backup_age) {
    outcome.state = State::kBad;
    outcome.mark = "old";
    outcome.cause = "the job that makes backups does not run, or fails";
    outcome.next = next;
  } else if (small) {
    outcome.state = State::kBad;
    outcome.mark = "small";
    outcome.text = fmt::format("the newest backup {} has {}, the one before it {}",
                               util::printable_again(small->name, 200), size_text(small->bytes),
                               size_text(small->before));
    outcome.cause =
        "the job that makes backups broke off, whatever it said; or the data has become smaller: "
        "then lower min_backup_share";
    outcome.next = next;
  }
  return outcome;
}

Outcome HostChecks::backup_failures() const {
  const auto record = backups_();
  if (!record) {
    return unknown(record.error().message(), "the history cannot be read", "warder status");
  }
  Outcome outcome;
  outcome.facts = facts_text({{"failures", record->failures}});
  outcome.text =
      record->failures == 0
          ? "no backup has failed since the last good one"
          : fmt::format("{} failed in a row: {}", util::counted(record->failures, "backup"),
                        util::printable_again(record->last_failure, 300));
  if (record->failures >= options_.failed_backup_attempts) {
    outcome.state = State::kBad;
    outcome.mark = "failed";
    outcome.cause = "see the last failure";
    outcome.next = "warder events --kind backup --since 7d";
  }
  return outcome;
}

}  // namespace warder::monitor
