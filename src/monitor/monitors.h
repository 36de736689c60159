#pragma once

#include "model/event.h"
#include "monitor/database_check.h"
#include "monitor/host_check.h"
#include "monitor/watch.h"
#include "util/clock.h"
#include "util/result.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace warder::monitor {

// What monitors need of the rest of the agent. Called on the monitors' thread.
struct MonitorHooks {
  // Puts events into the history, together with what is to be remembered under a name.
  std::function<util::Status(std::vector<model::Event> events, std::string name, std::string value)>
      record;
  std::function<util::Result<std::optional<std::string>>(const std::string& name)> remembered;
  // Makes the checks of the content in a process of its own; ended when `cancel` is readable.
  std::function<util::Result<std::vector<Outcome>>(const DatabaseRequest& request,
                                                   std::chrono::seconds limit, int cancel)>
      read_database;
  BackupSource backups;
  // A check of this monitor has just become bad.
  std::function<void(const MonitorOptions& options, const Outcome& outcome)> on_bad;
  // Something became due between two steps. On any thread. MonitorThread sets it.
  std::function<void()> wake;
};

// The name under which a monitor's Watch is remembered.
std::string remembered_name(std::string_view monitor);

// All monitors and when their checks are due. One step at a time and without a thread, so that
// tests own the time; MonitorThread runs it.
class Monitors {
 public:
  // `clock` must outlive it. `state`: the agent's folder; snapshots lie in its folder `monitor`.
  Monitors(MonitorHooks hooks, std::filesystem::path state, const util::Clock& clock);
  ~Monitors();

  // From the next step on. What is remembered of a monitor that goes stays, in case it comes back.
  void use(std::vector<MonitorOptions> monitors);
  // The schema as it is becomes the baseline; kNotFound, kInvalid when that is not checked.
  util::Status accept(const std::string& name);
  // Makes what is due. `cancel`: a descriptor that becomes readable when the agent stops. Returns
  // when to call again; empty: when something was changed by use() or accept(), or hooks.wake
  // called.
  std::optional<util::MonotonicTime> step(int cancel);

 private:
  struct One;
  void make_due(One& one, util::MonotonicTime now, int cancel);
  util::MonotonicTime next_time(const One& one, util::MonotonicTime after,
                                std::chrono::microseconds interval) const;
  void take_changes();
  void note_opening(const std::string& monitor);

  const MonitorHooks hooks_;
  const std::filesystem::path state_;
  const util::Clock& clock_;
  std::vector<std::unique_ptr<One>> running_;
  std::mutex mutex_;
  std::optional<std::vector<MonitorOptions>> next_;  // guarded by mutex_
  std::vector<MonitorOptions> configured_;           // guarded by mutex_
  std::set<std::string> accepted_;                   // guarded by mutex_
  std::set<std::string> opened_;                     // guarded by mutex_: whose database was opened
};

// Runs the steps on a thread of low priority. Without a monitor there is no thread.
class MonitorThread {
 public:
  MonitorThread(MonitorHooks hooks, std::filesystem::path state, const util::Clock& clock);
  ~MonitorThread();
  MonitorThread(const MonitorThread&) = delete;
  MonitorThread& operator=(const MonitorThread&) = delete;

  void use(std::vector<MonitorOptions> monitors);
  util::Status accept(const std::string& name);
  // Ends a running check; afterwards nothing is called back.
  void stop();

 private:
  void run();
  void wake();

  const util::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool news_ = false;  // guarded by mutex_
  bool stop_ = false;  // guarded by mutex_
  int cancel_ = -1;    // an eventfd
  Monitors monitors_;  // its watches wake this
  std::thread thread_;
};

}  // namespace warder::monitor
