#include "backup/report_box.h"

#include "util/file.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;

constexpr util::ByteCount kLargestReport = util::mebibytes(1);
constexpr std::size_t kMostWaiting = 1000;

}  // namespace

fs::path report_box(const fs::path& state) { return state / "backup-reports"; }

util::Status leave_report(const fs::path& state, const Report& report) {
  struct stat info{};
  if (::stat(state.c_str(), &info) != 0) {
    return util::errno_error(state.string(), errno);
  }
  std::optional<util::FileOwner> owner;
  if (::geteuid() == 0 && info.st_uid != 0) {
    owner = util::FileOwner{info.st_uid, info.st_gid};
  }
  const fs::path box = report_box(state);
  if (::mkdir(box.c_str(), 0700) == 0) {
    if (owner && ::chown(box.c_str(), owner->user, owner->group) != 0) {
      return util::errno_error(box.string(), errno);
    }
  } else if (errno != EEXIST) {
    return util::errno_error(box.string(), errno);
  }
  static std::atomic<unsigned> number{0};
  std::string time = util::format_rfc3339(report.begun);
  std::erase(time, ':');
  const fs::path file = box / fmt::format("{}-{}-{}.json", time, ::getpid(), ++number);
  const std::string text =
      to_json(report).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return util::write_file_atomically(file, text + '\n', 0600, owner);
}

util::Status take_reports(const fs::path& state, const std::function<bool(const Report&)>& take) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(report_box(state), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".json") && files.size() < kMostWaiting) {
      files.push_back(at->path());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return util::Error(util::ErrorCode::kIo,
                       fmt::format("{}: {}", report_box(state).string(), error.message()));
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    const auto text = util::read_file(file, kLargestReport);
    if (text) {
      const auto report = read_report(*text);
      if (report && !take(*report)) {
        return {};
      }
    }
    fs::remove(file, error);
  }
  return {};
}

}  // namespace warder::backup
