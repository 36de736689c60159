#pragma once

#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace warder::monitor {

// The newest file of its kind, when it is too small to be a backup.
struct SmallBackup {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t before = 0;  // what the last one of its kind has that counts
  friend bool operator==(const SmallBackup&, const SmallBackup&) = default;
};

// What is known of backups, by the history or by a folder.
struct BackupRecord {
  std::optional<util::WallTime> newest_good;
  std::uint32_t failures = 0;  // since then, or at all
  std::string last_failure;
  std::optional<SmallBackup> small;
};

struct BackupSizes {
  util::ByteCount least{512};  // what a compressed and encrypted nothing stays below
  std::uint32_t share = 50;    // percent of the one before it
  // A file that was not written for so long is finished; one before that may still grow.
  std::chrono::seconds settled{std::chrono::minutes(15)};
  // How long a file that is too small is told.
  std::chrono::seconds recent{std::chrono::hours(26)};
};

// The backups that another program leaves in a folder. Files are of one kind when their names
// differ in digits only; each is compared with the one before it of its kind that counts. One that
// is too small does not count, and is told where its kind is known, that is, where one counts.
// kIo: the folder cannot be read. Looks at 100,000 files at most.
util::Result<BackupRecord> read_backup_folder(const std::filesystem::path& folder,
                                              const BackupSizes& sizes, util::WallTime now);

}  // namespace warder::monitor
