#include "sqlite/online_copy.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

namespace warder::sqlite {
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

Error failure(sqlite3* handle, int result) {
  const int primary = result & 0xFF;
  const bool damaged = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
  const bool busy = primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
  const std::string kind = sqlite3_errstr(result);
  const std::string more = sqlite3_errmsg(handle);
  return Error(damaged ? ErrorCode::kInvalid
               : busy  ? ErrorCode::kUnavailable
                       : ErrorCode::kIo,
               fmt::format("{}{} (SQLite {})", kind, more == kind ? "" : ": " + more, result));
}

// The copying itself, with what it has learned about the writers.
class Copy {
 public:
  Copy(sqlite3* from, sqlite3* to, const CopyOptions& options, const util::Clock& clock,
       const CopyProgress& progress)
      : from_(from), to_(to), options_(options), clock_(clock), progress_(progress) {}

  util::Result<CopyFacts> run() {
    WARDER_ASSIGN_OR_RETURN(const std::string size, text("PRAGMA page_size"));
    page_size_ = std::strtoull(size.c_str(), nullptr, 10);
    WARDER_ASSIGN_OR_RETURN(const std::string mode, text("PRAGMA journal_mode"));
    facts_.wal = mode == "wal";
    if (facts_.wal) {
      WARDER_ASSIGN_OR_RETURN(const std::string begun,
                              text("BEGIN; SELECT count(*) FROM sqlite_schema"));
    }
    util::Status copied = begin();
    if (copied) {
      copied = steps();
    }
    backup_.reset();
    if (facts_.wal) {
      sqlite3_exec(from_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    WARDER_RETURN_IF_ERROR(copied);
    return facts_;
  }

 private:
  util::Status begin() {
    backup_.reset(sqlite3_backup_init(to_, "main", from_, "main"));
    return backup_ ? util::Status() : failure(to_, sqlite3_errcode(to_));
  }

  // The last value that the statements give.
  util::Result<std::string> text(const char* sql) {
    std::string value;
    const int result = sqlite3_exec(
        from_, sql,
        [](void* out, int columns, char** values, char**) {
          if (columns > 0 && values[0] != nullptr) {
            *static_cast<std::string*>(out) = values[0];
          }
          return 0;
        },
        &value, nullptr);
    if (result != SQLITE_OK) {
      const Error error = failure(from_, sqlite3_extended_errcode(from_));
      sqlite3_exec(from_, "ROLLBACK", nullptr, nullptr, nullptr);
      return error;
    }
    return value;
  }

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
        return tell(sqlite3_backup_pagecount(backup_.get()));
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
        return failure(to_, result);
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
      WARDER_RETURN_IF_ERROR(tell(total - remaining));
      if (!facts_.wal && pages > 0) {
        std::this_thread::sleep_for(kPause);
      }
    }
  }

  util::Status tell(int pages) const {
    if (progress_ && !progress_(static_cast<std::uint64_t>(pages) * page_size_)) {
      return Error(ErrorCode::kUnavailable, "stopped");
    }
    return {};
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

  sqlite3* const from_;
  sqlite3* const to_;
  const CopyOptions& options_;
  const util::Clock& clock_;
  const CopyProgress& progress_;
  Backup backup_;
  CopyFacts facts_;
  std::uint64_t page_size_ = 0;
  microseconds busy_{0};
  std::uint64_t copied_ = 0;
};

}  // namespace

util::Result<CopyFacts> copy_online(sqlite3* from, sqlite3* to, const CopyOptions& options,
                                    const util::Clock& clock, const CopyProgress& progress) {
  return Copy(from, to, options, clock, progress).run();
}

}  // namespace warder::sqlite
