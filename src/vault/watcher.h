#pragma once

#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::vault {

// The documents that exist, by name; one that was asked for and is not there is missing here.
using DocumentSet = std::map<std::string, Document, std::less<>>;

struct WatcherState {
  // Set while the provider cannot be read: the set last handed over is as old as this.
  std::optional<util::WallTime> stale_since;
  // Why, when stale.
  std::string reason;
  friend bool operator==(const WatcherState&, const WatcherState&) = default;
};

struct WatcherOptions {
  std::vector<std::string> names;
  // How often to ask. A provider with watched_file() is asked at once when that file changes.
  std::chrono::seconds interval{30};
  // After a failure it is asked again sooner or later than that, as patience.h says.
  std::chrono::milliseconds first_retry{1000};
  std::uint64_t seed = 0;  // of the chance in it
  // Told what happened to the provider itself, after each look; not asked for unless set.
  std::function<void(const ProviderNotice&)> on_notice = {};
  // Called after each look, on the watcher's thread: for what else is done with the provider.
  std::function<void()> on_look = {};
};

// Keeps an eye on some documents of a provider on a thread of its own. Calls back on that thread:
//   on_change   first with what is there at start, then whenever a version changed, appeared or
//               went, always with the whole set, never with a half-read one. The callee checks it
//               and keeps its running set if the new one is bad.
//   on_state    when the provider went away (stale_since set) or came back.
// Between two looks it calls Provider::upkeep() when that is due. The callbacks must not destroy
// the watcher. `provider` and `clock` must outlive it.
class Watcher {
 public:
  using OnChange = std::function<void(DocumentSet documents)>;
  using OnState = std::function<void(const WatcherState& state)>;

  // Starts the thread.
  Watcher(Provider& provider, WatcherOptions options, const util::Clock& clock, OnChange on_change,
          OnState on_state);
  // Stops the provider (Provider::stop), joins the thread.
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Ask now (reload command). Returns at once. Thread safe.
  void check_now();
  WatcherState state() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::vault
