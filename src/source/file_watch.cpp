#include "source/file_watch.h"

#include "source/position_record.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::source {
namespace {

using model::Severity;

constexpr std::size_t kTurn = 256UL * 1024;
// How often, when something else woke us, the folders are compared with what stands at their path:
// the kernel does not tell when a file system is mounted over one.
constexpr std::chrono::seconds kFolderCheck{10};

std::string join(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}", folder == "/" ? "" : folder, name);
}

std::vector<std::string> list(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const listing = ::opendir(folder.c_str());
  if (listing == nullptr) {
    return names;
  }
  while (const dirent* const entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  ::closedir(listing);
  // A log before the files that rotation made out of it, whose names are longer.
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

bool is_folder(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

FileIdentity identity_of_folder(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return {};
  }
  return {info.st_dev, info.st_ino, 0};
}

// What the rest of the agent holds when it is idle (two dozen) and for a vault, a check and who
// asks it something.
constexpr std::size_t kOtherDescriptors = 40;

// As many as were asked for, but half of what the process may have at most, and enough for the
// rest: the database, the control socket and the destinations need theirs.
std::size_t descriptors_for_logs(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    const auto all = static_cast<std::size_t>(limit.rlim_cur);
    wanted = std::min({wanted, all / 2, all - std::min(all, kOtherDescriptors)});
  }
  return std::max<std::size_t>(wanted, 1);
}

}  // namespace

FileWatch::FileWatch(FileOptions options, std::vector<Pattern> patterns, PositionLookup positions,
                     const util::Clock& clock)
    : options_(std::move(options)),
      patterns_(std::move(patterns)),
      positions_(std::move(positions)),
      watcher_(options_.watches),
      context_{options_,
               clock,
               OpenFiles(descriptors_for_logs(options_.open_files)),
               std::vector<char>(
                   LineCursor::buffer_size(static_cast<std::size_t>(options_.longest_line.value))),
               {},
               nullptr} {}

// --- folders and patterns ------------------------------------------------------------------------

void FileWatch::walk() {
  walk_wanted_ = false;
  scanning_ = false;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    walk(i, "/", 0);
    if (patterns_[i].glob.literal()) {
      // Named by the operator: known, and reported, even while it is missing.
      const std::string& path = patterns_[i].glob.text();
      const std::size_t slash = path.rfind('/');
      add_log(slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1), i);
    }
  }
  if (scanning_) {
    last_scan_ = context_.clock.monotonic();
  } else {
    told_scanning_ = false;
  }
}

void FileWatch::walk(std::size_t pattern, const std::string& folder, std::size_t depth) {
  const std::vector<GlobPattern::Component>& components = patterns_[pattern].glob.components();
  const bool last = depth + 1 == components.size();
  Folder* const watched = want_folder(folder, last);
  if (watched == nullptr) {
    return;
  }
  watched->components.emplace(pattern, depth);
  const GlobPattern::Component& component = components[depth];
  if (component.literal) {
    const std::string path = join(folder, component.text);
    if (!last && is_folder(path)) {
      walk(pattern, path, depth + 1);
    } else if (last && facts_of_path(path).facts) {
      add_log(folder, component.text, pattern);
    }
    return;
  }
  const std::vector<std::string> names = list(folder);
  if (last && !started_) {
    for (const std::string& name : names) {
      add_logs_left_behind(folder, name, pattern);
    }
  }
  for (const std::string& name : names) {
    if (!component.matches(name)) {
      continue;
    }
    if (last) {
      add_log(folder, name, pattern);
    } else if (is_folder(join(folder, name))) {
      walk(pattern, join(folder, name), depth + 1);
    }
  }
}

// A log that was followed before the agent stopped and is missing now, while what was rolled from
// it is there and may not be read yet.
void FileWatch::add_logs_left_behind(const std::string& folder, const std::string& name,
                                     std::size_t pattern) {
  for (const std::string& log : possible_logs(name)) {
    const std::string path = join(folder, log);
    if (patterns_[pattern].glob.components().back().matches(log) && !by_path_.contains(path) &&
        positions_ && positions_(path)) {
      add_log(folder, log, pattern);
    }
  }
}

// The folder, watched; nothing when there is none.
FileWatch::Folder* FileWatch::want_folder(const std::string& path, bool contents) {
  Folder& folder = folders_[path];
  if (folder.watch >= 0 && (folder.contents || !contents)) {
    return &folder;
  }
  const DirectoryWatcher::Watch watch = watcher_.add(path, contents || folder.contents);
  if (watch.error == ENOENT || watch.error == ENOTDIR) {
    return nullptr;
  }
  folder.contents = folder.contents || contents;
  if (watch.error != 0) {
    cannot_watch(path, folder, watch.error);
    return &folder;
  }
  folder.watch = watch.id;
  folder.identity = identity_of_folder(path);
  watched_[watch.id].insert(path);
  // What happened to its logs before it was watched nobody told.
  for (const auto& [name, logs] : folder.logs) {
    to_check_.insert(logs.begin(), logs.end());
  }
  if (watch.remote) {
    scanning_ = true;
    if (!std::exchange(folder.told_unwatchable, true)) {
      say(NoticeKind::kScanning, Severity::kNotice, path,
          fmt::format("{}: lies on a network or user-space file system, where the kernel does not "
                      "tell of all changes; its logs are looked at each second",
                      util::printable(path)));
    }
  }
  return &folder;
}

void FileWatch::cannot_watch(const std::string& path, Folder& folder, int error) {
  scanning_ = true;
  if (error == EACCES) {
    if (!std::exchange(folder.told_unwatchable, true)) {
      say(NoticeKind::kUnreadable, Severity::kHigh, path,
          fmt::format("{}: the folder cannot be watched ({}); give user {} the right to read and "
                      "enter it. Until then its logs are looked at each second",
                      util::printable(path), std::strerror(error), ::geteuid()),
          error);
    }
    return;
  }
  if (!std::exchange(told_scanning_, true)) {
    say(NoticeKind::kScanning, Severity::kWarning, path,
        fmt::format(
            "{}: cannot be watched ({}); logs are looked at each second. Raise "
            "fs.inotify.max_user_watches or max_user_instances with sysctl",
            util::printable(path),
            error == ENOSPC ? "the limit of inotify watches is reached" : std::strerror(error)),
        error);
  }
}

void FileWatch::unwatch(Folder& folder) {
  if (folder.watch < 0) {
    return;
  }
  watcher_.remove(folder.watch);
  watched_.erase(folder.watch);
  folder.watch = -1;
  folder.told_unwatchable = false;
}

void FileWatch::add_log(const std::string& folder, const std::string& name, std::size_t pattern) {
  const std::string path = join(folder, name);
  const std::uint32_t id = patterns_[pattern].id;
  if (const auto known = by_path_.find(path); known != by_path_.end()) {
    std::vector<std::uint32_t>& inputs = logs_[known->second].info.inputs;
    const auto place = std::lower_bound(inputs.begin(), inputs.end(), id);
    if (place == inputs.end() || *place != id) {
      inputs.insert(place, id);
    }
    return;
  }
  const bool literal = patterns_[pattern].glob.literal();
  Folder& place = folders_[folder];
  if (!literal && (is_folder(path) || is_rolled_form(place, name))) {
    return;
  }
  if (logs_.size() >= options_.logs) {
    if (!std::exchange(told_too_many_, true)) {
      say(NoticeKind::kTooMany, Severity::kHigh, path,
          fmt::format("{}: is not followed: {} logs are already, which is the limit. Use narrower "
                      "patterns",
                      util::printable(path), options_.logs));
    }
    return;
  }
  const auto index = static_cast<std::uint32_t>(logs_.size());
  Log& log = logs_.emplace_back();
  log.info = {path, {id}};
  // A log that was there while its pattern was watched has a position.
  const bool appeared = started_ || watched_before_.contains(pattern);
  log.follow = std::make_unique<FollowedLog>(
      context_, index, path,
      appeared ? FollowedLog::Origin::kAppeared : FollowedLog::Origin::kThereAtStart,
      patterns_[pattern].start_at);
  by_path_.emplace(path, index);
  place.logs[name].insert(index);
  log.follow->restore(positions_ ? positions_(path) : std::nullopt);
  check(index);
  if (literal && !started_) {
    log.follow->expect_now();
    update(index);
  }
}

// Files that rotation made belong to the log they were made from, also where a pattern is wide
// enough to match them ("access.log*", "*.log" with Caddy's access-2026-....log). Compressed files
// are no logs.
bool FileWatch::is_rolled_form(const Folder& folder, std::string_view name) const {
  return is_compressed(name) || !made_from(folder, name).empty();
}

// The logs in this folder that a file may have been rolled from.
std::vector<std::uint32_t> FileWatch::made_from(const Folder& folder, std::string_view name) const {
  std::vector<std::uint32_t> logs;
  for (const std::string& log : possible_logs(name)) {
    if (const auto found = folder.logs.find(log); found != folder.logs.end()) {
      logs.insert(logs.end(), found->second.begin(), found->second.end());
    }
  }
  return logs;
}

// --- what the kernel tells -----------------------------------------------------------------------

void FileWatch::take_events() {
  const bool complete = watcher_.take([this](const auto& event) { on_event(event); });
  if (!complete) {
    say(NoticeKind::kOverflow, Severity::kNotice, "",
        "the kernel dropped change notifications because too many waited; all logs were looked at "
        "again, nothing is lost. Raise fs.inotify.max_queued_events with sysctl if this comes "
        "often");
    walk_wanted_ = true;
    check_all();
  }
}

void FileWatch::on_event(const DirectoryWatcher::Event& event) {
  const auto watched = watched_.find(event.id);
  if (watched == watched_.end()) {
    return;
  }
  const std::set<std::string> paths = watched->second;
  for (const std::string& path : paths) {
    Folder& folder = folders_[path];
    switch (event.change) {
      case DirectoryWatcher::Change::kWritten:
        on_written(path, folder, event.name);
        break;
      case DirectoryWatcher::Change::kName:
        on_name(path, folder, event.name);
        break;
      case DirectoryWatcher::Change::kGone:
      case DirectoryWatcher::Change::kSelf:
        on_gone(path, folder);
        break;
    }
  }
}

void FileWatch::on_written(const std::string& path, Folder& folder, std::string_view name) {
  if (const auto found = folder.logs.find(std::string(name)); found != folder.logs.end()) {
    for (const std::uint32_t log : found->second) {
      logs_[log].follow->written();
      update(log);
    }
    return;
  }
  for (const std::uint32_t log : made_from(folder, name)) {
    logs_[log].follow->rolled_written(join(path, name));
    update(log);
  }
}

void FileWatch::on_name(const std::string& path, Folder& folder, std::string_view name) {
  if (const auto found = folder.logs.find(std::string(name)); found != folder.logs.end()) {
    to_check_.insert(found->second.begin(), found->second.end());
  }
  const std::vector<std::uint32_t> origins = made_from(folder, name);
  rolled_appeared_.insert(origins.begin(), origins.end());
  for (const auto& [pattern, depth] : std::set(folder.components)) {
    const std::vector<GlobPattern::Component>& components = patterns_[pattern].glob.components();
    if (!components[depth].matches(name)) {
      continue;
    }
    if (depth + 1 < components.size()) {
      walk_wanted_ = true;
    } else if (facts_of_path(join(path, name)).facts) {
      add_log(path, std::string(name), pattern);
    }
  }
}

void FileWatch::on_gone(const std::string& path, Folder& folder) {
  // Its mode changed, or it went: watch what stands there now, and look at everything in it.
  static_cast<void>(path);
  unwatch(folder);
  walk_wanted_ = true;
  for (const auto& [name, logs] : folder.logs) {
    to_check_.insert(logs.begin(), logs.end());
  }
}

void FileWatch::check_folders() {
  const util::MonotonicTime now = context_.clock.monotonic();
  if (now - last_folder_check_ < kFolderCheck) {
    return;
  }
  last_folder_check_ = now;
  for (auto& [path, folder] : folders_) {
    if (folder.watch >= 0 && identity_of_folder(path) != folder.identity) {
      on_gone(path, folder);
    }
  }
}

// --- logs ----------------------------------------------------------------------------------------

void FileWatch::check_all() {
  for (std::uint32_t log = 0; log < logs_.size(); ++log) {
    to_check_.insert(log);
  }
}

void FileWatch::check(std::uint32_t log) {
  logs_[log].follow->check();
  update(log);
}

void FileWatch::update(std::uint32_t index) {
  Log& log = logs_[index];
  FollowedLog& follow = *log.follow;
  if (!follow.queued && follow.ready()) {
    follow.queued = true;
    queue_.push_back(index);
  }
  if (follow.dirty() && !std::exchange(log.marked_dirty, true)) {
    dirty_.push_back(index);
  }
  const std::optional<util::MonotonicTime> timer = follow.wake_at();
  if (timer != log.timer) {
    if (log.timer) {
      timers_.erase({*log.timer, index});
    }
    if (timer) {
      timers_.emplace(*timer, index);
    }
    log.timer = timer;
  }
  const std::string& real_path = follow.real_path();
  if (real_path != log.info.name) {
    // Behind a link: its changes are told by the folder where the file itself lies.
    const std::size_t slash = real_path.rfind('/');
    if (Folder* const folder = want_folder(slash == 0 ? "/" : real_path.substr(0, slash), true)) {
      folder->logs[real_path.substr(slash + 1)].insert(index);
    }
  }
}

void FileWatch::run_timers() {
  const util::MonotonicTime now = context_.clock.monotonic();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const std::uint32_t index = timers_.begin()->second;
    timers_.erase(timers_.begin());
    logs_[index].timer.reset();
    logs_[index].follow->tick();
    update(index);
  }
}

std::optional<util::MonotonicTime> FileWatch::wake_at() const {
  std::optional<util::MonotonicTime> time;
  if (!timers_.empty()) {
    time = timers_.begin()->first;
  }
  if (scanning_ && (!time || last_scan_ + options_.scan_interval < *time)) {
    time = last_scan_ + options_.scan_interval;
  }
  return time;
}

Pumped FileWatch::pump(LineHandler& handler, util::ByteCount budget) {
  context_.handler = &handler;
  take_events();
  check_folders();
  const util::MonotonicTime now = context_.clock.monotonic();
  if (scanning_ && now - last_scan_ >= options_.scan_interval) {
    walk_wanted_ = true;
    check_all();
  }
  if (!started_) {
    look_up_patterns();
  }
  if (walk_wanted_) {
    walk();
  }
  started_ = true;
  for (const std::uint32_t log : std::exchange(to_check_, {})) {
    check(log);
  }
  for (const std::uint32_t log : std::exchange(rolled_appeared_, {})) {
    logs_[log].follow->rolled_appeared();
    update(log);
  }
  run_timers();

  Pumped pumped;
  while (!queue_.empty() && pumped.read.value < budget.value) {
    const std::uint32_t index = queue_.front();
    queue_.pop_front();
    FollowedLog& follow = *logs_[index].follow;
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(kTurn, budget.value - pumped.read.value));
    const FollowedLog::Turn turn = follow.read(most);
    pumped.read.value += turn.read;
    pumped.lines += turn.lines;
    follow.queued = false;
    update(index);
  }
  pumped.more = !queue_.empty();
  context_.totals.lines += pumped.lines;
  context_.totals.bytes += pumped.read.value;
  context_.handler = nullptr;
  return pumped;
}

// A pattern has a position of its own, of a log that is known and not there: where it is stored the
// pattern was watched before, and a log of it without a position has come since.
void FileWatch::look_up_patterns() {
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    const GlobPattern& glob = patterns_[i].glob;
    if (glob.literal()) {
      continue;
    }
    if (positions_ && positions_(glob.text())) {
      watched_before_.insert(i);
    } else {
      new_patterns_.insert(glob.text());
    }
  }
}

void FileWatch::take_positions(std::vector<model::Position>& positions) {
  for (const std::string& pattern : std::exchange(new_patterns_, {})) {
    positions.push_back({"file", pattern, encode(PositionRecord{})});
  }
  for (const std::uint32_t index : dirty_) {
    Log& log = logs_[index];
    log.marked_dirty = false;
    positions.push_back({"file", log.info.name, log.follow->take_position()});
  }
  dirty_.clear();
}

SourceStatus FileWatch::status() const {
  SourceStatus status = context_.totals;
  status.logs = logs_.size();
  status.open_files = context_.files.size();
  status.scanning = scanning_;
  for (const Log& log : logs_) {
    status.backlog += log.follow->backlog();
    status.unreadable += log.follow->troubled() ? 1 : 0;
  }
  return status;
}

void FileWatch::say(NoticeKind kind, Severity severity, const std::string& log, std::string text,
                    int error) {
  Notice notice;
  notice.kind = kind;
  notice.severity = severity;
  notice.log = log;
  notice.text = std::move(text);
  notice.error = error;
  context_.handler->on_notice(notice);
}

}  // namespace warder::source
