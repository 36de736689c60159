#pragma once

#include "backup/folder.h"
#include "backup/keys.h"
#include "backup/report.h"
#include "util/clock.h"
#include "util/descriptor.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace warder::agent {

// Starts `warder-backup` when a schedule of a [backup NAME] says so, one run at a time and with the
// lowest claim to processor and disk, and takes the reports of all runs, started by whomever, into
// the history. It also tells when the newest proven backup has become too old.
//
// A thread of its own, which nothing of the line path waits for; without sections [backup NAME]
// there is none, and without anything due it sleeps. A clock that is set wakes it.
class BackupWatch {
 public:
  struct Parts {
    std::filesystem::path state;   // [agent] state
    std::filesystem::path config;  // what the runs are to read
    const util::Clock* clock = nullptr;
    // Puts an event into the history; false: not now. On the thread.
    std::function<bool(model::Event)> record;
    // Whether an incident of that name was open at the start.
    std::function<bool(std::string_view)> was_open;
  };
  explicit BackupWatch(Parts parts);
  // Ends a running backup, which leaves nothing that counts.
  ~BackupWatch();
  BackupWatch(const BackupWatch&) = delete;
  BackupWatch& operator=(const BackupWatch&) = delete;

  // From now on these sets. Thread safe.
  void watch(std::vector<backup::SetOptions> sets);

 private:
  struct Job {
    std::string set;
    std::string_view verb;  // "now", "verify", "drill"
    util::WallTime due{};
  };

  void run();
  // Tells of a run that could not tell itself; the next of its kind that works ends it.
  void record_failure(const Job& job, const util::Error& error, std::string next);
  void take_reports();
  void tell_age(const backup::SetOptions& set);
  // Everything that will be due, the next one first; and when somebody must be told of an age.
  std::vector<Job> jobs();
  std::optional<util::WallTime> next_wake();
  void start(const Job& job);
  void reap();
  void sleep(std::optional<util::WallTime> until);
  void wake() const;

  const Parts parts_;
  std::mutex mutex_;
  std::vector<backup::SetOptions> sets_;  // guarded by mutex_
  std::atomic<bool> ending_{false};
  util::Descriptor wake_;  // eventfd
  util::Descriptor box_;   // inotify on the folder of reports
  util::Descriptor timer_;
  util::Descriptor child_;  // pidfd; empty: nothing runs
  pid_t pid_ = -1;
  Job running_;
  std::map<std::string, util::WallTime> started_;  // by "verb set": a run that could not even note
  // By "verb set": verifications and drills that failed in a row, since the start.
  std::map<std::string, unsigned> failed_;
  std::map<std::string, util::WallTime> age_due_;  // by set: when its newest proven one is too old
  std::map<std::string, bool> age_told_;
  std::thread thread_;
};

}  // namespace warder::agent
