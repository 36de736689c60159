#pragma once

#include "monitor/access_check.h"
#include "monitor/backup_folder.h"
#include "monitor/outcome.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace warder::monitor {

using BackupSource = std::function<util::Result<BackupRecord>()>;

// `on_opening`: somebody who may not opens the database; kAccess is due. On another thread.
//
// The checks that do not read the database's content: reads_database() does not hold. One thread.
// Remembers between two calls who held a lock, so each monitor has one of its own.
class HostChecks {
 public:
  // `state`: the agent's own folder. `proc`: "/proc", or a folder of tests.
  HostChecks(MonitorOptions options, std::filesystem::path state, BackupSource backups,
             const util::Clock& clock, std::filesystem::path proc = "/proc",
             std::function<void()> on_opening = {});

  Outcome make(Check check);

 private:
  struct Holder {
    std::int64_t pid = 0;
    bool write = false;
    friend bool operator==(const Holder&, const Holder&) = default;
  };

  Outcome file_size(Check check);
  Outcome lock();
  util::Result<std::optional<Holder>> lock_holder() const;
  Outcome disk() const;
  Outcome memory() const;
  Outcome backup_age() const;
  Outcome backup_failures() const;
  util::Result<BackupRecord> backup_record() const;
  std::string name_of(std::int64_t pid) const;
  std::string readers() const;

  const MonitorOptions options_;
  const std::filesystem::path state_;
  const BackupSource backups_;
  const util::Clock& clock_;
  const std::filesystem::path proc_;
  AccessCheck access_;
  std::optional<Holder> holder_;
  util::MonotonicTime held_since_{};
};

}  // namespace warder::monitor
