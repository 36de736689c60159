#include "agent/service.h"

#include "util/thread_name.h"

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <string>
#include <utility>

namespace warder::agent {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

void notify_ready(std::string_view status) {
  sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

std::chrono::milliseconds watchdog_interval() {
  std::uint64_t micros = 0;
  if (sd_watchdog_enabled(0, &micros) <= 0) {
    return std::chrono::milliseconds(0);
  }
  return std::chrono::milliseconds(micros / 2000);
}

void notify_alive() { sd_notify(0, "WATCHDOG=1"); }

void SignalThread::block() {
  const sigset_t set = watched_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalThread::SignalThread(std::function<void()> on_stop, std::function<void()> on_reload)
    : thread_([this, on_stop = std::move(on_stop), on_reload = std::move(on_reload)] {
        util::name_thread("signals");
        const sigset_t set = watched_signals();
        int signal = 0;
        while (sigwait(&set, &signal) == 0) {
          if (signal == SIGHUP) {
            on_reload();
          } else if (signal != SIGUSR2) {
            on_stop();
          } else if (ending_) {
            return;
          }
        }
      }) {}

SignalThread::~SignalThread() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

}  // namespace warder::agent
