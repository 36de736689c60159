#pragma once

#include "source/directory_watcher.h"
#include "source/file_source.h"
#include "source/followed_log.h"
#include "source/glob.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace warder::source {

// What is inside a FileSource: the folders that the patterns lead through, the logs found there,
// and who is read next. A folder is watched for names if a pattern passes through it, and for
// contents if logs lie in it; of a path that does not exist yet the part that does is watched.
class FileWatch {
 public:
  struct Pattern {
    std::uint32_t id;
    GlobPattern glob;
    StartAt start_at = StartAt::kTail;
  };
  FileWatch(FileOptions options, std::vector<Pattern> patterns, PositionLookup positions,
            const util::Clock& clock);

  int poll_fd() const { return watcher_.fd(); }
  std::optional<util::MonotonicTime> wake_at() const;
  Pumped pump(LineHandler& handler, util::ByteCount budget);
  void take_positions(std::vector<model::Position>& positions);
  const LogInfo& log_info(std::uint32_t log) const { return logs_[log].info; }
  SourceStatus status() const;

 private:
  struct Log {
    LogInfo info;
    std::unique_ptr<FollowedLog> follow;
    std::optional<util::MonotonicTime> timer;  // as it stands in timers_
    bool marked_dirty = false;
  };
  struct Folder {
    int watch = -1;
    bool contents = false;
    bool told_unwatchable = false;
    FileIdentity identity;
    std::set<std::pair<std::size_t, std::size_t>> components;       // pattern, depth
    std::unordered_map<std::string, std::set<std::uint32_t>> logs;  // name in this folder
  };

  void look_up_patterns();
  void walk();
  void walk(std::size_t pattern, const std::string& folder, std::size_t depth);
  void add_logs_left_behind(const std::string& folder, const std::string& name,
                            std::size_t pattern);
  Folder* want_folder(const std::string& path, bool contents);
  void cannot_watch(const std::string& path, Folder& folder, int error);
  void unwatch(Folder& folder);
  void add_log(const std::string& folder, const std::string& name, std::size_t pattern);
  bool is_rolled_form(const Folder& folder, std::string_view name) const;
  std::vector<std::uint32_t> made_from(const Folder& folder, std::string_view name) const;

  void take_events();
  void on_event(const DirectoryWatcher::Event& event);
  void on_written(const std::string& path, Folder& folder, std::string_view name);
  void on_name(const std::string& path, Folder& folder, std::string_view name);
  void on_gone(const std::string& path, Folder& folder);
  void check_folders();

  void check_all();
  void check(std::uint32_t log);
  // After anything happened to a log: queue, timers, its place among the folders.
  void update(std::uint32_t log);
  void run_timers();
  void say(NoticeKind kind, model::Severity severity, const std::string& log, std::string text,
           int error = 0);

  const FileOptions options_;
  const std::vector<Pattern> patterns_;
  const PositionLookup positions_;
  DirectoryWatcher watcher_;
  FollowContext context_;

  std::map<std::string, Folder> folders_;
  std::unordered_map<int, std::set<std::string>> watched_;  // paths of a watch
  std::deque<Log> logs_;
  std::unordered_map<std::string, std::uint32_t> by_path_;
  std::deque<std::uint32_t> queue_;
  std::vector<std::uint32_t> dirty_;
  std::set<std::pair<util::MonotonicTime, std::uint32_t>> timers_;
  std::set<std::uint32_t> to_check_;
  std::set<std::uint32_t> rolled_appeared_;
  std::set<std::size_t> watched_before_;  // patterns, by place
  std::set<std::string> new_patterns_;    // not in the positions yet
  bool started_ = false;
  bool walk_wanted_ = true;
  bool scanning_ = false;
  bool told_scanning_ = false;
  bool told_too_many_ = false;
  util::MonotonicTime last_scan_{};
  util::MonotonicTime last_folder_check_{};
};

}  // namespace warder::source
