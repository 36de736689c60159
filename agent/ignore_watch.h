#pragma once

#include "engine/jail_set.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace warder::agent {

// Looks again at what stands for addresses in `ignoreip` of a fail2ban configuration: host names
// every five minutes, files every half minute. When one means something else now, the
// configuration is to be read anew. A thread of its own, since a look-up may wait for the network;
// without names and files it sleeps for good.
class IgnoreWatch {
 public:
  // `changed` is called on the thread; it may call watch().
  explicit IgnoreWatch(std::function<void()> changed);
  ~IgnoreWatch();
  IgnoreWatch(const IgnoreWatch&) = delete;
  IgnoreWatch& operator=(const IgnoreWatch&) = delete;

  // From now on those of this set. Thread safe.
  void watch(const engine::JailSet& set);

 private:
  // What it means now, in a form that can be compared.
  using State = std::map<std::string, std::string>;

  void run();
  static State files_now(const std::set<std::string>& files);
  // A name that cannot be looked up means what it meant before.
  static State names_now(const std::set<std::string>& names, const State& before);

  const std::function<void()> changed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;           // guarded by mutex_
  std::uint64_t generation_ = 0;  // of what is watched; guarded by mutex_
  std::set<std::string> names_;   // guarded by mutex_
  std::set<std::string> files_;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace warder::agent
