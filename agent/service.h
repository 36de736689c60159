#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>
#include <thread>

// What a service tells systemd (sd_notify(3)); all of it does nothing when systemd is not there.
namespace warder::agent {

void notify_ready(std::string_view status);
void notify_stopping();
// Half of the watchdog's time, or zero when the unit has none (sd_watchdog_enabled(3)).
std::chrono::milliseconds watchdog_interval();
void notify_alive();

// Takes SIGTERM, SIGINT and SIGHUP on a thread of its own, so that no work is done in a signal
// handler. Made before any other thread, which then inherit the blocked signals. The functions run
// on that thread, one at a time.
class SignalThread {
 public:
  SignalThread(std::function<void()> on_stop, std::function<void()> on_reload);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

  // Blocks the signals in this thread and those it starts from now on.
  static void block();

 private:
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace warder::agent
