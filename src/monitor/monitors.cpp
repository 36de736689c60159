#include "monitor/monitors.h"

#include "log/log.h"
#include "util/program_pages.h"
#include "util/thread_name.h"
#include "util/thread_priority.h"

#include <fmt/core.h>

#include <algorithm>
#include <sys/eventfd.h>
#include <unistd.h>

namespace warder::monitor {
namespace {

using util::MonotonicTime;

constexpr std::chrono::seconds kBetweenOpenings{10};
// So much before its time, and half its interval at most, a check joins another monitor's.
constexpr std::chrono::minutes kEarlyToJoin{1};

// The cheap looks at the live database come before the copy.
std::size_t order(Check check) {
  constexpr Check kOrder[] = {Check::kSchema,      Check::kFreePages, Check::kQueries,
                              Check::kCache,       Check::kQuick,     Check::kIntegrity,
                              Check::kForeignKeys, Check::kHistory};
  return static_cast<std::size_t>(std::find(std::begin(kOrder), std::end(kOrder), check) -
                                  std::begin(kOrder));
}

}  // namespace

std::string remembered_name(std::string_view monitor) { return fmt::format("monitor/{}", monitor); }

struct Monitors::One {
  One(MonitorOptions configured, HostChecks checks)
      : options(std::move(configured)), host(std::move(checks)) {}

  MonitorOptions options;
  HostChecks host;
  Watch watch;
  std::map<Check, MonotonicTime> due;
};

Monitors::Monitors(MonitorHooks hooks, std::filesystem::path state, const util::Clock& clock)
    : hooks_(std::move(hooks)), state_(std::move(state)), clock_(clock) {}

// What listens calls note_opening(), so it ends before anything that needs.
Monitors::~Monitors() { running_.clear(); }

void Monitors::use(std::vector<MonitorOptions> monitors) {
  const std::lock_guard lock(mutex_);
  configured_ = monitors;
  next_ = std::move(monitors);
}

util::Status Monitors::accept(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(configured_.begin(), configured_.end(),
                                  [&](const MonitorOptions& one) { return one.name == name; });
  if (found == configured_.end()) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("no monitor of the name '{}' is running; warder monitor list", name));
  }
  const auto& checks = found->checks;
  if (std::find(checks.begin(), checks.end(), Check::kSchema) == checks.end()) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("monitor {} does not check the schema", name));
  }
  accepted_.insert(name);
  return {};
}

void Monitors::take_changes() {
  std::optional<std::vector<MonitorOptions>> next;
  std::set<std::string> accepted;
  std::set<std::string> opened;
  {
    const std::lock_guard lock(mutex_);
    next.swap(next_);
    accepted.swap(accepted_);
    opened.swap(opened_);
  }
  const MonotonicTime now = clock_.monotonic();
  if (next) {
    std::vector<std::unique_ptr<One>> running;
    for (MonitorOptions& options : *next) {
      const auto same = std::find_if(running_.begin(), running_.end(), [&](const auto& one) {
        return one != nullptr && one->options == options;
      });
      if (same != running_.end()) {
        running.push_back(std::move(*same));
        continue;
      }
      auto one = std::make_unique<One>(
          options, HostChecks(options, state_, hooks_.backups, clock_, "/proc",
                              [this, name = options.name] { note_opening(name); }));
      if (const std::optional<std::string> text =
              hooks_.remembered(remembered_name(options.name)).value_or(std::nullopt)) {
        one->watch = Watch::parse(*text);
      }
      // What was made before the restart is due when it would have been without one.
      for (const Check check : options.checks) {
        const auto since =
            std::max(std::chrono::microseconds(0), clock_.now() - one->watch.known(check).last);
        const std::chrono::microseconds interval = options.interval(check);
        one->due[check] =
            now + (since >= interval ? std::chrono::microseconds(0) : interval - since);
      }
      running.push_back(std::move(one));
    }
    running_ = std::move(running);
  }
  for (const auto& one : running_) {
    if (accepted.contains(one->options.name)) {
      one->watch.accept_schema();
      one->due[Check::kSchema] = now;
    }
    // Told at once, but who opens it all the time is not looked at all the time.
    if (const auto due = one->due.find(Check::kAccess);
        opened.contains(one->options.name) && due != one->due.end()) {
      const MonotonicTime last = due->second - one->options.interval(Check::kAccess);
      due->second = std::min(due->second, std::max(now, last + kBetweenOpenings));
    }
  }
}

void Monitors::note_opening(const std::string& monitor) {
  {
    const std::lock_guard lock(mutex_);
    opened_.insert(monitor);
  }
  if (hooks_.wake) {
    hooks_.wake();
  }
}

std::optional<MonotonicTime> Monitors::step(int cancel) {
  take_changes();
  std::optional<MonotonicTime> next;
  for (const auto& one : running_) {
    make_due(*one, clock_.monotonic(), cancel);
    for (const auto& [check, due] : one->due) {
      next = std::min(next.value_or(due), due);
    }
  }
  return next;
}

// Joins what another monitor wakes the host up for shortly before: once in step, monitors with the
// same `every` stay so, and cost one wake-up together.
MonotonicTime Monitors::next_time(const One& one, MonotonicTime after,
                                  std::chrono::microseconds interval) const {
  const MonotonicTime latest = after + interval;
  const MonotonicTime earliest =
      latest - std::min<std::chrono::microseconds>(interval / 2, kEarlyToJoin);
  MonotonicTime next = earliest;
  for (const auto& other : running_) {
    // While they are replaced there are none in the places of those that were taken over.
    if (other == nullptr || other.get() == &one) {
      continue;
    }
    for (const auto& [check, due] : other->due) {
      if (due > next && due <= latest) {
        next = due;
      }
    }
  }
  return next == earliest ? latest : next;
}

void Monitors::make_due(One& one, MonotonicTime now, int cancel) {
  std::vector<Check> content;
  std::vector<Outcome> outcomes;
  for (auto& [check, due] : one.due) {
    if (due > now) {
      continue;
    }
    if (reads_database(check)) {
      content.push_back(check);
    } else {
      outcomes.push_back(one.host.make(check));
    }
  }
  if (content.empty() && outcomes.empty()) {
    return;
  }
  if (!content.empty()) {
    std::sort(content.begin(), content.end(), [](Check a, Check b) { return order(a) < order(b); });
    DatabaseRequest request;
    request.monitor = one.options.name;
    request.database = one.options.database;
    request.folder = state_ / "monitor";
    request.checks = content;
    request.cache_pages = one.options.cache_pages;
    request.min_cache_hit_ratio = one.options.min_cache_hit_ratio;
    request.max_query_time = one.options.max_query_time;
    request.queries = one.options.queries;
    request.max_free_pages = one.options.max_free_pages;
    request.schema_baseline =
        one.watch.accepting_schema() ? std::string() : one.watch.schema_baseline();
    auto read = hooks_.read_database(request, one.options.timeout, cancel);
    if (!read && read.error().code() == util::ErrorCode::kUnavailable) {
      return;  // the agent stops: the check is made after the start
    }
    std::vector<Outcome> made =
        read ? std::move(*read)
             : unknown_outcomes(request, read.error().message(),
                                "the check's process did not answer", "journalctl -u warder -n 50");
    outcomes.insert(outcomes.end(), std::make_move_iterator(made.begin()),
                    std::make_move_iterator(made.end()));
  }
  std::vector<model::Event> events;
  std::vector<const Outcome*> turned_bad;
  for (const Outcome& outcome : outcomes) {
    const auto due = one.due.find(outcome.check);
    if (due == one.due.end()) {
      continue;  // nobody asked for it
    }
    const auto before = one.watch.known(outcome.check).state;
    for (model::Event& event : one.watch.judge(one.options, outcome, clock_.now())) {
      if (event.severity >= model::Severity::kWarning) {
        log::warning("monitor {}: {}", one.options.name, event.message);
      }
      events.push_back(std::move(event));
    }
    if (one.watch.known(outcome.check).state == Outcome::State::kBad &&
        before != Outcome::State::kBad) {
      turned_bad.push_back(&outcome);
    }
  }
  const MonotonicTime after = clock_.monotonic();
  for (auto& [check, due] : one.due) {
    if (due <= now) {
      due = next_time(one, after, one.options.interval(check));
    }
  }
  // What was not told anything new of needs no write: that it was made is known again soon enough.
  const bool heavy = !content.empty();
  if (!events.empty() || heavy) {
    if (const util::Status recorded = hooks_.record(
            std::move(events), remembered_name(one.options.name), one.watch.to_text());
        !recorded) {
      log::warning("monitor {}: not recorded: {}", one.options.name, recorded.error().message());
    }
  }
  for (const Outcome* outcome : turned_bad) {
    if (hooks_.on_bad) {
      hooks_.on_bad(one.options, *outcome);
    }
  }
}

MonitorThread::MonitorThread(MonitorHooks hooks, std::filesystem::path state,
                             const util::Clock& clock)
    : clock_(clock),
      cancel_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      monitors_(
          [&] {
            hooks.wake = [this] { wake(); };
            return std::move(hooks);
          }(),
          std::move(state), clock) {}

MonitorThread::~MonitorThread() {
  stop();
  ::close(cancel_);
}

void MonitorThread::use(std::vector<MonitorOptions> monitors) {
  const bool any = !monitors.empty();
  monitors_.use(std::move(monitors));
  if (any && !thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  } else {
    wake();
  }
}

util::Status MonitorThread::accept(const std::string& name) {
  WARDER_RETURN_IF_ERROR(monitors_.accept(name));
  wake();
  return {};
}

void MonitorThread::wake() {
  const std::lock_guard lock(mutex_);
  news_ = true;
  changed_.notify_one();
}

void MonitorThread::stop() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  [[maybe_unused]] const ssize_t written = ::write(cancel_, &one, sizeof one);
  changed_.notify_one();
  thread_.join();
}

void MonitorThread::run() {
  util::name_thread("monitors");
  util::lower_thread_priority(util::DiskPriority::kAsNice);  // lines come first
  std::unique_lock lock(mutex_);
  while (!stop_) {
    news_ = false;
    lock.unlock();
    const std::optional<MonotonicTime> next = monitors_.step(cancel_);
    // Checks, and the alerts that came of them, need much of the program and libraries for a
    // moment.
    util::give_back_program_pages();
    lock.lock();
    const auto told = [this] { return news_ || stop_; };
    if (!next) {
      changed_.wait(lock, told);
    } else if (const auto left = *next - clock_.monotonic(); left.count() > 0) {
      changed_.wait_for(lock, left, told);
    }
  }
}

}  // namespace warder::monitor
