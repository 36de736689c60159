#include "vault/cache.h"

#include "support/fake_provider.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <thread>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using util::ErrorCode;

namespace {

const util::Error kAway(ErrorCode::kUnavailable, "vault.example: connection refused");

struct Fixture {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  testing::FakeProvider provider;
  vault::CacheOptions options{.ttl = 100s, .retry = 10s, .folder = folder.path()};

  std::unique_ptr<vault::Cache> cache() {
    return std::make_unique<vault::Cache>(provider, SecretString(std::string(32, 'c')), options,
                                          clock, 1);
  }
  void put(std::string_view content) { (void)provider.put("jails", SecretString(content), {}); }
};

}  // namespace

TEST_CASE("an answer is used for its time and not longer") {
  Fixture f;
  f.put("one");
  const auto cache = f.cache();
  CHECK(cache->get("jails")->document.content.view() == "one");
  f.put("two");
  f.clock.advance(74s);
  CHECK(cache->get("jails")->document.content.view() == "one");
  CHECK(f.provider.calls() == 1);
  f.clock.advance(26s);
  const auto fresh = cache->get("jails");
  CHECK(fresh->document.content.view() == "two");
  CHECK(fresh->document.version == 2);
  CHECK_FALSE(fresh->stale_since);
  f.put("three");
  cache->expire("jails");
  CHECK(cache->get("jails")->document.content.view() == "three");
}

TEST_CASE("while the provider is away the last good copy answers and says since when") {
  Fixture f;
  f.put("one");
  const auto cache = f.cache();
  CHECK(cache->get("jails"));
  f.clock.advance(100s);
  const util::WallTime away = f.clock.now();
  f.provider.fail(kAway);
  const auto stale = cache->get("jails");
  REQUIRE(stale);
  CHECK(stale->document.content.view() == "one");
  CHECK(stale->stale_since == away);
  CHECK(stale->stale_reason == "vault.example: connection refused");
  // Left alone for a while, then asked again; the time of the first failure stays.
  CHECK(f.provider.calls() == 2);
  f.clock.advance(9s);
  CHECK(cache->get("jails")->stale_since == away);
  CHECK(f.provider.calls() == 2);
  f.clock.advance(1s);
  CHECK(cache->get("jails")->stale_since == away);
  CHECK(f.provider.calls() == 3);
  f.provider.fail();
  f.clock.advance(10s);
  CHECK_FALSE(cache->get("jails")->stale_since);
}

TEST_CASE("a restart without the provider finds the copy on disk") {
  Fixture f;
  f.put("canary-document");
  CHECK(f.cache()->get("jails"));
  CHECK(f.folder.read("jails.sealed").find("canary") == std::string::npos);
  f.provider.fail(kAway);
  const auto restarted = f.cache();
  const auto stale = restarted->get("jails");
  REQUIRE(stale);
  CHECK(stale->document.content.view() == "canary-document");
  CHECK(stale->document.version == 1);
  CHECK(stale->document.time == util::WallTime(1s));
  CHECK(stale->stale_since == f.clock.now());
  CHECK(restarted->get("alerts").error().message() ==
        "vault.example: connection refused; and there is no earlier copy");
}

TEST_CASE("a damaged copy is no answer") {
  Fixture f;
  f.put("one");
  CHECK(f.cache()->get("jails"));
  f.provider.fail(kAway);
  std::string bytes = f.folder.read("jails.sealed");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  f.folder.write("jails.sealed", bytes);
  const auto refused = f.cache()->get("jails");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::kUnavailable);
  CHECK(refused.error().message() ==
        "vault.example: connection refused; the copy on disk cannot be used: " +
            (f.folder / "jails.sealed").string() +
            ": was changed or damaged: its seal does not fit its content, so nothing of it is "
            "used; put back a good copy; and there is no earlier copy");
  // The copy of one document is none of another.
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  f.folder.write("alerts.sealed", bytes);
  CHECK_FALSE(f.cache()->get("alerts"));
}

TEST_CASE("the provider's refusals are answers") {
  Fixture f;
  f.put("one");
  const auto cache = f.cache();
  CHECK(cache->get("jails"));
  f.clock.advance(100s);
  (void)f.provider.remove("jails");
  CHECK(cache->get("jails").error().code() == ErrorCode::kNotFound);
  // Known after a restart with the provider away: no old rules come back.
  f.provider.fail(kAway);
  CHECK(f.cache()->get("jails").error().code() == ErrorCode::kNotFound);
  CHECK(f.cache()->get("alerts").error().code() == ErrorCode::kUnavailable);
  CHECK(cache->get("No Name").error().code() == ErrorCode::kInvalid);
}

TEST_CASE("only the provider's word that there is no document takes the last good copy away") {
  for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kConfiguration, ErrorCode::kDenied,
                               ErrorCode::kConflict, ErrorCode::kIo, ErrorCode::kTimeout}) {
    Fixture f;
    f.put("one");
    const auto cache = f.cache();
    CHECK(cache->get("jails"));
    f.clock.advance(100s);
    f.provider.fail(util::Error(code, "a web page in its place"));
    const auto kept = cache->get("jails");
    REQUIRE(kept);
    CHECK(kept->document.content.view() == "one");
    CHECK(kept->stale_since == f.clock.now());
    CHECK(kept->stale_reason == "a web page in its place");
    // After a restart as well.
    CHECK(f.cache()->get("jails")->document.content.view() == "one");
  }
}

TEST_CASE("what the watcher read is used and kept like an answer") {
  Fixture f;
  f.put("one");
  const auto cache = f.cache();
  CHECK(cache->get("jails")->document.content.view() == "one");
  f.provider.fail(kAway);
  f.clock.advance(100s);
  CHECK(cache->get("jails")->stale_since);
  CHECK(cache->stale()->second == "jails: vault.example: connection refused");
  const vault::Document fresh{SecretString("two"), 2, f.clock.now()};
  cache->learn("jails", &fresh);
  CHECK_FALSE(cache->stale());
  CHECK(cache->get("jails")->document.content.view() == "two");
  CHECK(f.cache()->get("jails")->document.content.view() == "two");
  cache->learn("jails", nullptr);
  CHECK(cache->get("jails").error().code() == ErrorCode::kNotFound);
  CHECK(f.cache()->get("jails").error().code() == ErrorCode::kNotFound);
}

TEST_CASE("a start takes the copies of the last run without asking") {
  Fixture f;
  f.put("one");
  CHECK(f.cache()->get("jails"));
  CHECK(f.cache()->get("alerts").error().code() == ErrorCode::kNotFound);
  f.put("two");
  const unsigned asked = f.provider.calls();
  const auto cache = f.cache();
  CHECK(cache->get_kept("jails")->document.content.view() == "one");
  CHECK(cache->get_kept("alerts").error().code() == ErrorCode::kNotFound);
  CHECK(f.provider.calls() == asked);
  // What was never kept is asked for; and get() asks in any case.
  CHECK(cache->get_kept("other").error().code() == ErrorCode::kNotFound);
  CHECK(f.provider.calls() == asked + 1);
  CHECK(cache->get("jails")->document.content.view() == "two");
}

TEST_CASE("a copy that cannot be written is counted, and the answer given") {
  Fixture f;
  f.options.folder = f.folder / "missing";
  f.put("one");
  const auto cache = f.cache();
  CHECK(cache->get("jails")->document.content.view() == "one");
  CHECK(cache->failed_writes() == 1);
}

namespace {

// Answers only when told, and tells when it was asked.
class SlowProvider : public testing::FakeProvider {
 public:
  util::Result<vault::Document> get(std::string_view name,
                                    std::optional<std::uint64_t> version = {}) override {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    lock.unlock();
    return FakeProvider::get(name, version);
  }
  void wait_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asked_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  bool released_ = false;
};

}  // namespace

TEST_CASE("many threads that want one document ask once") {
  SlowProvider provider;
  testing::ManualClock clock;
  (void)provider.put("jails", SecretString("one"), {});
  vault::Cache cache(provider, SecretString(std::string(32, 'c')), {}, clock, 1);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto answer = cache.get("jails");
      right += answer && answer->document.content.view() == "one" ? 1 : 0;
    });
  }
  provider.wait_asked();
  provider.release();
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(right == 8);
  CHECK(provider.calls() == 1);
}
