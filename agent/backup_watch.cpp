#include "agent/backup_watch.h"

#include "agent/backup_program.h"
#include "agent/exit_status.h"
#include "backup/report_box.h"
#include "backup/retry.h"
#include "log/log.h"
#include "util/duration.h"
#include "util/thread_name.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warder::agent {
namespace {

using util::Error;
using util::ErrorCode;

// Reports that the history did not take are offered again.
constexpr std::chrono::seconds kOfferAgain{30};

std::optional<util::WallTime> later(std::optional<util::WallTime> a,
                                    std::optional<util::WallTime> b) {
  return !a ? b : !b ? a : std::max(a, b);
}

std::optional<backup::Folder> open_folder(const backup::SetOptions& set) {
  std::error_code error;
  if (!std::filesystem::is_directory(set.folder, error)) {
    return std::nullopt;  // nothing was ever made
  }
  auto folder = backup::Folder::open(set.folder, set.name);
  return folder ? std::optional(std::move(*folder)) : std::nullopt;
}

void drain(int fd) {
  std::array<char, 4096> buffer{};
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

}  // namespace

BackupWatch::BackupWatch(Parts parts)
    : parts_(std::move(parts)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      box_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

BackupWatch::~BackupWatch() {
  ending_ = true;
  wake();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BackupWatch::watch(std::vector<backup::SetOptions> sets) {
  const std::lock_guard lock(mutex_);
  sets_ = std::move(sets);
  if (!thread_.joinable() && !sets_.empty()) {
    thread_ = std::thread([this] { run(); });
  }
  wake();
}

void BackupWatch::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void BackupWatch::run() {
  util::name_thread("backups");
  const std::filesystem::path box = backup::report_box(parts_.state);
  ::mkdir(box.c_str(), 0700);
  ::inotify_add_watch(box_.get(), box.c_str(), IN_MOVED_TO);
  while (!ending_) {
    reap();
    take_reports();
    const std::vector<Job> due = jobs();
    if (!child_ && !due.empty() && due.front().due <= parts_.clock->now()) {
      start(due.front());
    }
    sleep(next_wake());
  }
  if (child_) {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
}

void BackupWatch::take_reports() {
  const util::Status taken = backup::take_reports(
      parts_.state,
      [this](const backup::Report& report) { return parts_.record(backup::event_of(report)); });
  if (!taken) {
    log::warning("reports of backups: {}", taken.error().message());
  }
  std::vector<backup::SetOptions> sets;
  {
    const std::lock_guard lock(mutex_);
    sets = sets_;
  }
  for (const backup::SetOptions& set : sets) {
    tell_age(set);
  }
}

void BackupWatch::tell_age(const backup::SetOptions& set) {
  const util::WallTime now = parts_.clock->now();
  std::optional<util::WallTime> newest;
  if (const auto folder = open_folder(set)) {
    const auto entries = folder->list();
    const auto state = folder->state();
    if (entries && state) {
      for (const backup::Entry& entry : *entries) {
        if (backup::is_proven(entry, *state)) {
          newest = later(newest, entry.stamp.time);
        }
      }
    }
  }
  // Without any, the time runs from when we first looked.
  const auto known = age_due_.find(set.name);
  const util::WallTime due = newest                    ? *newest + set.oldest
                             : known != age_due_.end() ? known->second
                                                       : now + set.oldest;
  age_due_[set.name] = due;
  const std::string incident = fmt::format("backup/{}/age", set.name);
  const auto first = age_told_.try_emplace(set.name, false);
  bool& told = first.first->second;
  if (first.second) {
    told = parts_.was_open(incident);
  }
  const bool is_old = now >= due;
  if (is_old == told) {
    return;
  }
  model::Event event;
  event.kind = model::EventKind::kBackup;
  event.severity = is_old ? model::Severity::kHigh : model::Severity::kNotice;
  event.time = now;
  event.detail =
      nlohmann::json{{"incident", incident}, {"state", is_old ? "bad" : "good"}, {"set", set.name}}
          .dump();
  if (!is_old) {
    event.message =
        fmt::format("backup {}: there is a proven backup that is young enough again", set.name);
    told = !parts_.record(std::move(event));
    return;
  }
  event.message =
      newest ? fmt::format(
                   "backup {}: the newest proven backup is {} old, older than {}; run: "
                   "warder backup now {}",
                   set.name,
                   util::format_duration(std::chrono::floor<std::chrono::minutes>(now - *newest)),
                   util::format_duration(set.oldest), set.name)
             : fmt::format("backup {}: there is no proven backup; run: warder backup now {}",
                           set.name, set.name);
  told = parts_.record(std::move(event));
}

std::vector<BackupWatch::Job> BackupWatch::jobs() {
  const util::WallTime now = parts_.clock->now();
  std::vector<Job> all;
  const std::lock_guard lock(mutex_);
  for (const backup::SetOptions& set : sets_) {
    const auto folder = open_folder(set);
    const auto stored = folder ? folder->state() : util::Result<backup::FolderState>({});
    const backup::FolderState state = stored.value_or({});
    const auto add = [&](std::string_view verb, const backup::Schedule& schedule,
                         std::optional<util::WallTime> last) {
      const auto started = started_.find(fmt::format("{} {}", verb, set.name));
      last = later(last, started == started_.end() ? std::nullopt : std::optional(started->second));
      auto due = backup::next_due(schedule, last, now);
      // A backup is tried again every hour: its count of failures is of all runs, not of ours.
      const auto failed = failed_.find(fmt::format("{} {}", verb, set.name));
      const unsigned failures = verb == "now"             ? (state.failures > 0 ? 1U : 0U)
                                : failed == failed_.end() ? 0
                                                          : failed->second;
      if (due && last && failures > 0) {
        due = std::min(*due, backup::retry_due(std::min(*last, now), failures));
      }
      if (due) {
        all.push_back({set.name, verb, *due});
      }
    };
    add("now", set.schedule, state.last_attempt);
    if (state.last_success) {
      // What was just made has been proven: the first trial is due a period later.
      add("verify", set.verify_schedule, later(state.last_verify, state.last_success));
      add("drill", set.drill_schedule, state.last_drill);
    }
  }
  std::ranges::sort(all, {}, &Job::due);
  return all;
}

std::optional<util::WallTime> BackupWatch::next_wake() {
  const util::WallTime now = parts_.clock->now();
  std::optional<util::WallTime> next;
  const auto take = [&next](util::WallTime time) { next = next ? std::min(*next, time) : time; };
  if (!child_) {
    for (const Job& job : jobs()) {
      take(job.due);
    }
  }
  for (const auto& [set, due] : age_due_) {
    if (!age_told_[set]) {
      take(due);
    }
  }
  std::error_code error;
  if (!std::filesystem::is_empty(backup::report_box(parts_.state), error) && !error) {
    take(now + kOfferAgain);
  }
  return next;
}

void BackupWatch::start(const Job& job) {
  started_[fmt::format("{} {}", job.verb, job.set)] = parts_.clock->now();
  const auto program = backup_program();
  if (!program) {
    ++failed_[fmt::format("{} {}", job.verb, job.set)];
    record_failure(job, program.error(), "reinstall warder: the program is part of it");
    return;
  }
  std::vector<std::string> words{
      "warder backup", "--config", parts_.config.string(),    std::string(job.verb), job.set,
      "--background",  "--agent",  std::to_string(::getpid())};
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  // Its report comes by the box; what else it says goes where the agent's own messages go.
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // The agent's threads block the signals that end this program.
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int result =
      ::posix_spawn(&pid_, program->c_str(), &files, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (result != 0) {
    ++failed_[fmt::format("{} {}", job.verb, job.set)];
    record_failure(job, util::errno_error(fmt::format("starting {}", program->string()), result),
                   "free -m");
    return;
  }
  running_ = job;
  child_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!child_) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
}

void BackupWatch::reap() {
  int status = 0;
  if (!child_ || ::waitpid(pid_, &status, WNOHANG) != pid_) {
    return;
  }
  child_.reset();
  const std::string run = fmt::format("{} {}", running_.verb, running_.set);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    failed_.erase(run);
  } else {
    ++failed_[run];
  }
  if (WIFSIGNALED(status)) {
    record_failure(running_,
                   Error(ErrorCode::kUnavailable,
                         fmt::format("its program was ended by signal {} ({}); nothing of it "
                                     "counts, older backups are as they were",
                                     WTERMSIG(status), ::strsignal(WTERMSIG(status)))),
                   "journalctl -k -n 50      # was it the kernel, for want of memory?");
  } else if (WIFEXITED(status) && WEXITSTATUS(status) > static_cast<int>(ExitStatus::kFailed)) {
    // Refused before it could leave a report of its own: wrong words, a wrong configuration.
    record_failure(running_,
                   Error(ErrorCode::kInvalid,
                         fmt::format("its program ended with status {} before it began; what it "
                                     "said is in the journal of the agent",
                                     WEXITSTATUS(status))),
                   fmt::format("warder backup check {}", running_.set));
  }
}

void BackupWatch::record_failure(const Job& job, const Error& error, std::string next) {
  backup::Report report;
  report.verb = job.verb;
  report.set = job.set;
  report.begun = parts_.clock->now();
  report.fail(error,
              fmt::format("{} could not be made", job.verb == "now" ? "a backup" : job.verb));
  if (job.verb == "now") {
    const std::lock_guard lock(mutex_);
    const auto set = std::ranges::find(sets_, job.set, &backup::SetOptions::name);
    if (set != sets_.end()) {
      report.failures_in_a_row =
          backup::count_failure(set->folder, set->name, started_[fmt::format("now {}", job.set)]);
    }
  }
  report.next.insert(report.next.begin(), std::move(next));
  parts_.record(backup::event_of(report));
}

void BackupWatch::sleep(std::optional<util::WallTime> until) {
  itimerspec when{};
  if (until) {
    const auto since =
        std::max(*until, util::WallTime(std::chrono::microseconds(1))).time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = std::chrono::nanoseconds(since - seconds).count();
  } else {
    // Far away, so that a clock that is set is noticed all the same.
    when.it_value.tv_sec = 4'000'000'000;
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
  std::array<pollfd, 4> fds{{{wake_.get(), POLLIN, 0},
                             {box_.get(), POLLIN, 0},
                             {timer_.get(), POLLIN, 0},
                             {child_.get(), POLLIN, 0}}};
  ::poll(fds.data(), child_ ? 4 : 3, -1);
  for (const int fd : {wake_.get(), box_.get(), timer_.get()}) {
    drain(fd);
  }
}

}  // namespace warder::agent
