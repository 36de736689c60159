#include "monitor/backup_folder.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <vector>

namespace warder::monitor {
namespace {

using util::WallTime;

constexpr std::size_t kMostFiles = 100'000;

struct File {
  WallTime made;
  std::string name;
  std::uint64_t bytes = 0;
};

// "db-20261125-0300.sqlite3.gz" as "db-#-#.sqlite#.gz".
std::string kind_of(std::string_view name) {
  std::string kind;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      kind += c;
    } else if (!kind.ends_with('#')) {
      kind += '#';
    }
  }
  return kind;
}

std::uint64_t percent_of(std::uint64_t bytes, std::uint32_t percent) {
  return bytes / 100 * percent + bytes % 100 * percent / 100;
}

util::Result<std::map<std::string, std::vector<File>>> files_by_kind(
    const std::filesystem::path& folder) {
  std::map<std::string, std::vector<File>> kinds;
  std::error_code error;
  std::size_t seen = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end && ++seen <= kMostFiles; entry.increment(error)) {
    struct stat info{};
    if (::lstat(entry->path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      std::string name = entry->path().filename().string();
      kinds[kind_of(name)].push_back({WallTime{std::chrono::seconds(info.st_mtim.tv_sec)}, name,
                                      static_cast<std::uint64_t>(info.st_size)});
    }
  }
  if (error) {
    return util::Error(util::ErrorCode::kIo,
                       fmt::format("{}: {}", util::printable(folder.string()), error.message()));
  }
  return kinds;
}

}  // namespace

util::Result<BackupRecord> read_backup_folder(const std::filesystem::path& folder,
                                              const BackupSizes& sizes, WallTime now) {
  WARDER_ASSIGN_OR_RETURN(auto kinds, files_by_kind(folder));
  BackupRecord record;
  WallTime told{};
  for (auto& [kind, files] : kinds) {
    std::ranges::sort(files, {}, &File::made);
    const File* good = nullptr;
    for (const File& file : files) {
      const std::uint64_t least = good == nullptr ? 0 : percent_of(good->bytes, sizes.share);
      if (file.bytes >= std::max(least, sizes.least.value)) {
        good = &file;
      }
    }
    if (good == nullptr) {
      continue;
    }
    record.newest_good = std::max(record.newest_good.value_or(good->made), good->made);
    const File& newest = files.back();
    if (newest.made > good->made && now - newest.made >= sizes.settled &&
        now - newest.made <= sizes.recent && newest.made > told) {
      told = newest.made;
      record.small = SmallBackup{newest.name, newest.bytes, good->bytes};
    }
  }
  return record;
}

}  // namespace warder::monitor
