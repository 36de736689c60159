#pragma once

#include "vault/provider.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace warder::vault {

// Keeps session and leases of a provider alive for a command that works long with what it got (an
// upload of hours), on a thread of its own; an agent's watcher does so by itself. Its end stops the
// provider (Provider::stop), which must outlive it.
class Upkeep {
 public:
  explicit Upkeep(Provider& provider, std::chrono::milliseconds longest = std::chrono::seconds(30));
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void run(const std::stop_token& stop);

  Provider& provider_;
  const std::chrono::milliseconds longest_;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread thread_;
};

}  // namespace warder::vault
