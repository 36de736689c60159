#include "vault/upkeep.h"

#include "util/thread_name.h"

namespace warder::vault {

Upkeep::Upkeep(Provider& provider, std::chrono::milliseconds longest)
    : provider_(provider),
      longest_(longest),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Upkeep::~Upkeep() {
  thread_.request_stop();
  provider_.stop();
}

void Upkeep::run(const std::stop_token& stop) {
  util::name_thread("vault");
  while (!stop.stop_requested()) {
    const auto next = provider_.upkeep(longest_);
    std::unique_lock lock(mutex_);
    (void)ended_.wait_for(lock, stop, next, [] { return false; });
  }
}

}  // namespace warder::vault
