#include "vault/watcher.h"

#include "support/fake_provider.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/file.h"
#include "vault/file_vault.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using util::ErrorCode;

namespace {

// Takes what the watcher says; take_*() wait for the next thing said.
class Listener {
 public:
  vault::Watcher::OnChange on_change() {
    return [this](vault::DocumentSet documents) {
      const std::lock_guard lock(mutex_);
      changes_.push_back(std::move(documents));
      said_.notify_all();
    };
  }
  vault::Watcher::OnState on_state() {
    return [this](const vault::WatcherState& state) {
      const std::lock_guard lock(mutex_);
      states_.push_back(state);
      said_.notify_all();
    };
  }
  vault::DocumentSet take_change() { return take(&changes_); }
  vault::WatcherState take_state() { return take(&states_); }
  bool silent() const {
    const std::lock_guard lock(mutex_);
    return changes_.empty() && states_.empty();
  }

 private:
  template <typename T>
  T take(std::deque<T>* from) {
    std::unique_lock lock(mutex_);
    REQUIRE(said_.wait_for(lock, 60s, [&] { return !from->empty(); }));
    T taken = std::move(from->front());
    from->pop_front();
    return taken;
  }
  mutable std::mutex mutex_;
  std::condition_variable said_;
  std::deque<vault::DocumentSet> changes_;
  std::deque<vault::WatcherState> states_;
};

const vault::WatcherOptions kHourly{.names = {"jails", "alerts"}, .interval = 3600s};

}  // namespace

TEST_CASE("the set at start, then each change as a whole") {
  testing::FakeProvider provider;
  testing::ManualClock clock;
  Listener listener;
  (void)provider.put("jails", SecretString("one"), {});
  vault::Watcher watcher(provider, kHourly, clock, listener.on_change(), listener.on_state());
  auto set = listener.take_change();
  REQUIRE(set.size() == 1);
  CHECK(set.at("jails").content.view() == "one");
  (void)provider.put("alerts", SecretString("new"), {});
  watcher.check_now();
  set = listener.take_change();
  REQUIRE(set.size() == 2);
  CHECK(set.at("alerts").content.view() == "new");
  (void)provider.remove("jails");
  watcher.check_now();
  CHECK(listener.take_change().size() == 1);
  CHECK(listener.silent());
}

TEST_CASE("a provider that goes away is reported once, and its return") {
  testing::FakeProvider provider;
  testing::ManualClock clock;
  Listener listener;
  provider.fail(util::Error(ErrorCode::kUnavailable, "connection refused"));
  vault::Watcher watcher(provider, kHourly, clock, listener.on_change(), listener.on_state());
  const auto away = listener.take_state();
  CHECK(away.stale_since == clock.now());
  CHECK(away.reason == "connection refused");
  CHECK(watcher.state() == away);
  watcher.check_now();
  clock.advance(1h);
  provider.fail(util::Error(ErrorCode::kTimeout, "no answer"));
  watcher.check_now();
  // The time of the first failure stays; the reason is the latest.
  const auto still = listener.take_state();
  CHECK(still.stale_since == away.stale_since);
  CHECK(still.reason == "no answer");
  (void)provider.put("jails", SecretString("one"), {});
  provider.fail();
  watcher.check_now();
  CHECK(listener.take_state() == vault::WatcherState{});
  CHECK(listener.take_change().size() == 1);
}

TEST_CASE("a write to the vault file is seen without waiting for the interval") {
  const testing::TemporaryFolder folder;
  const testing::ManualClock clock;
  const auto path = folder / "vault.sealed";
  const SecretString key(std::string(32, 'k'));
  auto writer = vault::FileVault::create(path, key.copy(), {}, clock);
  REQUIRE(writer);
  auto reader = vault::FileVault::open(path, key.copy(), {}, clock);
  REQUIRE(reader);
  Listener listener;
  vault::Watcher watcher(**reader, kHourly, clock, listener.on_change(), listener.on_state());
  CHECK(listener.take_change().empty());
  REQUIRE((*writer)->put("jails", SecretString("one"), {}));
  CHECK(listener.take_change().at("jails").content.view() == "one");
  // A damaged file is no change of the documents.
  const std::string good = folder.read("vault.sealed");
  REQUIRE(util::write_file_atomically(path, "garbage", 0600));
  CHECK(listener.take_state().reason ==
        path.string() + ": is no such file of warder: it begins with other bytes");
  // Neither is a vault that was deleted an empty one.
  std::filesystem::remove(path);
  CHECK(listener.take_state().reason ==
        path.string() + ": there is no vault; make one with: warder vault setup");
  REQUIRE(util::write_file_atomically(path, good, 0600));
  CHECK(listener.take_state() == vault::WatcherState{});
  REQUIRE((*writer)->put("jails", SecretString("two"), {}));
  CHECK(listener.take_change().at("jails").content.view() == "two");
}

TEST_CASE("a provider that is away for a moment is asked again long before the interval") {
  testing::FakeProvider provider;
  testing::ManualClock clock;
  Listener listener;
  provider.fail(util::Error(ErrorCode::kUnavailable, "connection refused"));
  vault::WatcherOptions options = kHourly;
  options.first_retry = 1ms;
  int looks = 0;
  options.on_look = [&] { ++looks; };
  {
    vault::Watcher watcher(provider, options, clock, listener.on_change(), listener.on_state());
    CHECK(listener.take_state().stale_since);
    (void)provider.put("jails", SecretString("one"), {});
    provider.fail();
    CHECK(listener.take_state() == vault::WatcherState{});
    CHECK(listener.take_change().size() == 1);
  }
  CHECK(looks >= 1);
}
