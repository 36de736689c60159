#include "engine/inquiry.h"

#include "support/manual_clock.h"
#include "unit/engine/desk.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

using namespace warder;
using namespace std::chrono_literals;

namespace {

// Answers wait behind it; owned by who asks and who answers, so that either may end first.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 1min, [&] { return entered_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool entered_ = false;
};

struct Fixture {
  explicit Fixture(engine::Inquiry<std::string>::Limits limits = {})
      : inquiry(limits, desk.deliver(), clock, [] {}) {}

  bool ask(const std::string& key, std::chrono::microseconds keep = 1min) {
    return inquiry.ask(
        key, keep,
        [key, gate = gate, asked = asked] {
          gate->pass();
          ++*asked;
          return "<" + key + ">";
        },
        [this](const std::string& answer) { told += answer; });
  }

  testing::ManualClock clock;
  testing::Desk desk;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::shared_ptr<std::atomic<int>> asked = std::make_shared<std::atomic<int>>(0);
  std::string told;
  engine::Inquiry<std::string> inquiry;
};

}  // namespace

TEST_CASE("a question is asked once, and its answer kept for a while") {
  Fixture fixture;
  CHECK(fixture.ask("a"));
  CHECK(fixture.ask("a"));
  CHECK(fixture.told == "");
  CHECK(fixture.inquiry.waiting() == 2);
  fixture.gate->open();
  fixture.desk.take_one();
  CHECK(fixture.told == "<a><a>");
  CHECK(fixture.inquiry.waiting() == 0);
  CHECK(fixture.ask("a"));
  CHECK(fixture.told == "<a><a><a>");
  CHECK(*fixture.asked == 1);

  fixture.clock.advance(1min);
  CHECK(fixture.ask("a"));
  fixture.desk.take_one();
  CHECK(fixture.told == "<a><a><a><a>");
  CHECK(*fixture.asked == 2);
}

TEST_CASE("questions and askers that wait are bounded, and what is dropped is counted") {
  Fixture fixture({.questions = 2, .askers = 4, .kept = 10});
  CHECK(fixture.ask("a"));
  fixture.gate->wait_until_entered();  // it waits no more
  CHECK(fixture.ask("b"));
  CHECK(fixture.ask("c"));
  CHECK_FALSE(fixture.ask("d"));  // a third question
  CHECK(fixture.ask("a"));
  CHECK_FALSE(fixture.ask("a"));  // a fifth asker
  CHECK(fixture.inquiry.dropped() == 2);
  fixture.gate->open();
  for (int i = 0; i < 3; ++i) {
    fixture.desk.take_one();
  }
  CHECK(fixture.told == "<a><a><b><c>");
  CHECK(fixture.ask("d"));
  fixture.desk.take_one();
  CHECK(fixture.told == "<a><a><b><c><d>");
}

TEST_CASE("the oldest answers go when there are too many") {
  Fixture fixture({.questions = 10, .askers = 10, .kept = 2});
  fixture.gate->open();
  for (const char* key : {"a", "b", "c"}) {
    CHECK(fixture.ask(key));
    fixture.desk.take_one();
  }
  CHECK(fixture.ask("c"));
  CHECK(fixture.ask("b"));
  CHECK(*fixture.asked == 3);
  CHECK(fixture.ask("a"));
  fixture.desk.take_one();
  CHECK(*fixture.asked == 4);
  fixture.inquiry.keep_at_least(3);
  CHECK(fixture.ask("b"));
  fixture.desk.take_one();
  CHECK(fixture.ask("a"));
  CHECK(fixture.ask("b"));
  CHECK(fixture.ask("c"));
  CHECK(*fixture.asked == 5);
}

TEST_CASE("an answerer that hangs holds up nobody's end") {
  const auto gate = [] {
    Fixture fixture;
    CHECK(fixture.ask("a"));
    fixture.gate->wait_until_entered();
    return fixture.gate;
  }();
  gate->open();  // its answer finds nobody
}
