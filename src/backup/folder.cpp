#include "backup/folder.h"

#include "util/file.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::string_view kMaking = ".making-";
constexpr std::string_view kState = "state.json";
constexpr std::string_view kLock = ".lock";

util::Status rename_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return util::errno_error(
        fmt::format("renaming {} to {}", from.string(), to.filename().string()), errno);
  }
  return {};
}

util::Status remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return util::errno_error(fmt::format("removing {}", path.string()), errno);
  }
  return {};
}

json times_to_json(const std::map<std::string, util::WallTime>& times) {
  json object = json::object();
  for (const auto& [stamp, time] : times) {
    object[stamp] = util::format_rfc3339(time);
  }
  return object;
}

void read_time(const json& document, const char* name, std::optional<util::WallTime>& out) {
  const auto found = document.find(name);
  if (found != document.end() && found->is_string()) {
    out = util::parse_rfc3339(found->get_ref<const std::string&>());
  }
}

void read_times(const json& document, const char* name,
                std::map<std::string, util::WallTime>& out) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_object()) {
    return;
  }
  for (const auto& [stamp, value] : found->items()) {
    if (const auto time = value.is_string()
                              ? util::parse_rfc3339(value.get_ref<const std::string&>())
                              : std::nullopt) {
      out.emplace(stamp, *time);
    }
  }
}

}  // namespace

util::Result<Folder> Folder::open(fs::path path, std::string name) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return util::errno_error(path.string(), errno);
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return util::errno_error(path.string(), errno);
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is no folder", path.string()));
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error(ErrorCode::kDenied, fmt::format("{}: others may write to it; run: chmod 700 {}",
                                                 path.string(), path.string()));
  }
  return Folder(std::move(path), std::move(name));
}

util::Result<util::Descriptor> Folder::lock() const {
  const fs::path file = path_ / kLock;
  util::Descriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    return util::errno_error(file.string(), errno);
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error(
          ErrorCode::kConflict,
          fmt::format("another run is at work on the backups {}; wait for it to end", name_));
    }
    return util::errno_error(file.string(), errno);
  }
  return fd;
}

util::Result<std::vector<Entry>> Folder::all_revisions() const {
  std::vector<Entry> all;
  std::error_code error;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    const auto stamp = stamp_of_manifest(name_, file);
    if (!stamp) {
      continue;
    }
    Entry entry{*stamp, std::nullopt, {}, 0};
    const auto text = util::read_file(at->path(), util::ByteCount{kLongestManifest});
    auto read = text ? read_manifest(*text) : util::Result<ReadManifest>(text.error());
    if (!read) {
      entry.fault = read.error().message();
    } else if (read->manifest.name != name_ || read->manifest.stamp != *stamp) {
      entry.fault = "the manifest is of another backup";
    } else {
      for (const BackupFile& one : read->manifest.files) {
        struct stat info{};
        if (::lstat(this->file(one.name).c_str(), &info) != 0) {
          entry.fault = fmt::format("{} is missing", one.name);
        } else if (!S_ISREG(info.st_mode) ||
                   static_cast<std::uint64_t>(info.st_size) != one.stored.bytes) {
          entry.fault = fmt::format("{} has {} bytes instead of {}", one.name, info.st_size,
                                    one.stored.bytes);
        } else {
          entry.bytes += one.stored.bytes;
        }
      }
      entry.manifest = std::move(*read);
    }
    all.push_back(std::move(entry));
  }
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("{}: {}", path_.string(), error.message()));
  }
  std::ranges::sort(all, {}, &Entry::stamp);
  return all;
}

util::Result<std::vector<Entry>> Folder::list() const {
  WARDER_ASSIGN_OR_RETURN(std::vector<Entry> all, all_revisions());
  std::vector<Entry> newest;
  for (Entry& entry : all) {
    if (!newest.empty() && newest.back().stamp.time == entry.stamp.time) {
      if (entry.is_whole() || !newest.back().is_whole()) {
        newest.back() = std::move(entry);
      }
    } else {
      newest.push_back(std::move(entry));
    }
  }
  return newest;
}

util::Result<Entry> Folder::find(const std::optional<Stamp>& stamp) const {
  WARDER_ASSIGN_OR_RETURN(std::vector<Entry> all, list());
  for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
    if (stamp ? entry->stamp.time == stamp->time : entry->is_whole()) {
      return std::move(*entry);
    }
  }
  return Error(ErrorCode::kNotFound,
               stamp ? fmt::format("{} holds no backup {}", path_.string(), stamp->to_string())
                     : fmt::format("{} holds no whole backup", path_.string()));
}

util::Result<std::size_t> Folder::recover() const {
  WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> found, all_revisions());
  for (const Entry& entry : found) {
    if (!entry.manifest) {
      continue;
    }
    for (const BackupFile& one : entry.manifest->manifest.files) {
      std::error_code error;
      if (!fs::exists(file(one.name), error) && fs::exists(making(one.name), error)) {
        WARDER_RETURN_IF_ERROR(rename_file(making(one.name), file(one.name)));
      }
    }
  }
  std::size_t removed = 0;
  std::vector<fs::path> unfinished;
  std::error_code error;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(kMaking)) {
      unfinished.push_back(at->path());
    }
  }
  for (const fs::path& path : unfinished) {
    fs::remove_all(path, error);
    if (error) {
      return Error(ErrorCode::kIo, fmt::format("{}: {}", path.string(), error.message()));
    }
    ++removed;
  }
  WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> all, all_revisions());
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const auto successor = std::find_if(
        all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(), [&](const Entry& later) {
          return later.stamp.time == all[i].stamp.time && later.is_whole();
        });
    if (successor != all.end()) {
      WARDER_RETURN_IF_ERROR(remove(all[i]));
      ++removed;
    }
  }
  WARDER_RETURN_IF_ERROR(flush_folder(path_));
  return removed;
}

util::Status Folder::publish(const Manifest& manifest, const std::function<void()>& step) const {
  const std::string name = manifest_name(manifest.name, manifest.stamp);
  WARDER_RETURN_IF_ERROR(flush_folder(path_));
  step();
  WARDER_RETURN_IF_ERROR(rename_file(making(name), file(name)));
  step();
  for (const BackupFile& one : manifest.files) {
    WARDER_RETURN_IF_ERROR(rename_file(making(one.name), file(one.name)));
    step();
  }
  return flush_folder(path_);
}

util::Status Folder::remove(const Entry& entry) const {
  // Files first: a manifest without files is told as a fault, files without one are not known.
  for (const std::string& name : file_names(name_, entry.stamp)) {
    WARDER_RETURN_IF_ERROR(remove_file(file(name)));
  }
  WARDER_RETURN_IF_ERROR(remove_file(file(manifest_name(name_, entry.stamp))));
  return flush_folder(path_);
}

util::Result<FolderState> Folder::state() const {
  FolderState state;
  const auto text = util::read_file(path_ / kState, util::mebibytes(4));
  if (!text) {
    if (text.error().code() == ErrorCode::kNotFound) {
      return state;
    }
    return text.error();
  }
  const json document = json::parse(*text, nullptr, false);
  if (!document.is_object()) {
    return state;  // damaged: as if it were not there
  }
  read_time(document, "last_attempt", state.last_attempt);
  read_time(document, "last_success", state.last_success);
  read_time(document, "last_verify", state.last_verify);
  read_time(document, "last_drill", state.last_drill);
  read_times(document, "proven", state.proven);
  read_times(document, "broken", state.broken);
  if (const auto outside = document.find("outside");
      outside != document.end() && outside->is_object()) {
    for (const auto& [stamp, digest] : outside->items()) {
      if (digest.is_string()) {
        state.outside.emplace(stamp, digest.get<std::string>());
      }
    }
  }
  const auto failures = document.find("failures");
  if (failures != document.end() && failures->is_number_unsigned()) {
    state.failures = failures->get<std::uint64_t>();
  }
  const auto seconds = document.find("restore_seconds");
  if (seconds != document.end() && seconds->is_number()) {
    state.restore_seconds = seconds->get<double>();
  }
  return state;
}

util::Status Folder::keep(const FolderState& state) const {
  json document{{"failures", state.failures},
                {"restore_seconds", state.restore_seconds},
                {"proven", times_to_json(state.proven)},
                {"broken", times_to_json(state.broken)},
                {"outside", state.outside}};
  const auto set = [&document](const char* name, const std::optional<util::WallTime>& time) {
    if (time) {
      document[name] = util::format_rfc3339(*time);
    }
  };
  set("last_attempt", state.last_attempt);
  set("last_success", state.last_success);
  set("last_verify", state.last_verify);
  set("last_drill", state.last_drill);
  return util::write_file_atomically(path_ / kState, document.dump(2) + '\n', 0600);
}

bool is_proven(const Entry& entry, const FolderState& state) {
  const std::string stamp = entry.stamp.to_string();
  return entry.is_whole() && !state.broken.contains(stamp) &&
         ((entry.manifest && entry.manifest->manifest.proof) || state.proven.contains(stamp));
}

std::uint64_t count_failure(const fs::path& folder, const std::string& name, util::WallTime begun) {
  const auto opened = Folder::open(folder, name);
  if (!opened) {
    return 0;
  }
  const auto lock = opened->lock();
  auto state = opened->state();
  if (!state) {
    return 0;
  }
  FolderState& counted = *state;
  if (lock && counted.last_attempt.value_or(util::WallTime::min()) < begun) {
    counted.last_attempt = begun;
    ++counted.failures;
    if (const util::Status kept = opened->keep(counted); !kept) {
      return 0;
    }
  }
  return counted.failures;
}

}  // namespace warder::backup
