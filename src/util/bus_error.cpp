#include "util/bus_error.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>

namespace warder::util {
namespace {

std::array<std::atomic<BusErrorMender>, kMostBusErrorMenders> g_menders{};
std::mutex g_adding;

void on_bus_error(int signal, siginfo_t* info, void*) {
  const int kept = errno;
  bool mended = false;
  for (const auto& place : g_menders) {
    const BusErrorMender mender = place.load();
    mended = mended || (mender != nullptr && mender(info->si_addr));
  }
  if (!mended) {
    std::signal(signal, SIG_DFL);  // the access is tried again
  }
  errno = kept;
}

void take_bus_errors() {
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

void mend_bus_errors(BusErrorMender mender) {
  const std::lock_guard lock(g_adding);
  for (auto& place : g_menders) {
    const BusErrorMender there = place.load();
    if (there == nullptr || there == mender) {
      place = mender;
      take_bus_errors();
      return;
    }
  }
  std::abort();  // kMostBusErrorMenders is too small
}

}  // namespace warder::util
