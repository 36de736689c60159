#include "source/polled_source.h"

#include "support/manual_clock.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <utility>

using namespace warder;
using namespace std::chrono_literals;
using source::NoticeKind;
using source::PolledSource;
using source::RemoteLog;

namespace {

// What lies in the far log, and how it was asked. `put_at` is when an entry got into it.
struct Far {
  struct Entry {
    RemoteLog::Entry entry;
    util::WallTime put_at;
  };
  void put(std::string id, util::WallTime put_at, std::string text = "{}") {
    const std::lock_guard lock(mutex);
    entries.push_back({{std::move(id), put_at, std::move(text)}, put_at});
  }
  std::mutex mutex;
  std::vector<Entry> entries;                                        // guarded by mutex
  std::vector<std::pair<util::WallTime, util::WallTime>> questions;  // guarded by mutex
  std::size_t fails_after = SIZE_MAX;  // entries of a question; guarded by mutex
  std::condition_variable released;
  bool hangs = false;    // guarded by mutex
  bool stopped = false;  // guarded by mutex
};

class FarLog : public RemoteLog {
 public:
  explicit FarLog(Far& far) : far_(far) {}

  util::Status read(util::WallTime from, util::WallTime until, const Take& take) override {
    std::unique_lock lock(far_.mutex);
    far_.questions.emplace_back(from, until);
    far_.released.wait(lock, [&] { return !far_.hangs || far_.stopped; });
    const std::vector<Far::Entry> entries = far_.entries;
    const std::size_t fails_after = far_.fails_after;
    lock.unlock();
    std::size_t count = 0;
    for (const Far::Entry& one : entries) {
      if (one.put_at < from || one.put_at >= until) {
        continue;
      }
      if (count++ == fails_after) {
        return util::Error(util::ErrorCode::kUnavailable, "too many requests");
      }
      if (!take(one.entry)) {
        return {};
      }
    }
    return {};
  }
  void stop() override {
    const std::lock_guard lock(far_.mutex);
    far_.stopped = true;
    far_.released.notify_all();
  }

 private:
  Far& far_;
};

class Judge : public source::LineHandler {
 public:
  void on_line(const model::Line& line) override {
    lines.emplace_back(line.text);
    ids.push_back(line.generation);
    stamps.push_back(*line.stamp);
  }
  void on_notice(const source::Notice& notice) override {
    kinds.push_back(notice.kind);
    texts.push_back(notice.text);
  }
  std::vector<std::string> lines;
  std::vector<model::GenerationId> ids;
  std::vector<util::WallTime> stamps;
  std::vector<NoticeKind> kinds;
  std::vector<std::string> texts;
};

struct Watched {
  explicit Watched(PolledSource::Options changed = {}) : options(std::move(changed)) {
    options.log = "far";
    options.inputs = {3};
    open();
  }
  void open() {
    const std::lock_guard lock(far.mutex);
    far.stopped = false;
    const auto stored = [this](std::string_view log) {
      CHECK(log == "far");
      return record;
    };
    source = std::make_unique<PolledSource>(options, std::make_unique<FarLog>(far), stored, clock);
  }
  // Closes it as an agent does that stops, or that crashes when `keep` is false.
  void close(bool keep = true) {
    if (keep) {
      take_positions();
    }
    source.reset();
  }
  void take_positions() {
    std::vector<model::Position> positions;
    source->take_positions(positions);
    for (const model::Position& position : positions) {
      CHECK(position.source == "remote");
      CHECK(position.log == "far");
      record = position.record;
    }
  }
  // Lets the source work until it wants to wait for time to pass.
  void settle() {
    while (true) {
      const source::Pumped pumped = source->pump(judge, util::kibibytes(256));
      if (pumped.more) {
        continue;
      }
      if (const auto wake = source->wake_at()) {
        if (*wake > clock.monotonic()) {
          return;
        }
        continue;
      }
      pollfd waiting{source->poll_fd(), POLLIN, 0};
      REQUIRE(::poll(&waiting, 1, -1) == 1);
    }
  }
  void pass(std::chrono::minutes time) {
    clock.advance(time);
    settle();
  }
  std::size_t questions() {
    const std::lock_guard lock(far.mutex);
    return far.questions.size();
  }

  PolledSource::Options options;
  testing::ManualClock clock;
  Far far;
  Judge judge;
  std::optional<std::string> record;
  std::unique_ptr<PolledSource> source;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a log elsewhere is asked for each interval and each entry judged once") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  watched.far.put("old", start - 1min, "before");
  watched.settle();
  CHECK(watched.questions() == 0);  // no whole minute has passed
  watched.far.put("a", start + 20s, "a");
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"a"});
  CHECK(watched.judge.stamps.back() == start + 20s);
  watched.far.put("b", start + 70s, "b");
  watched.pass(1min);
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"a", "b"});
  CHECK(watched.far.questions.back() == std::pair(start, start + 3min));
  // Within the overlap the questions reach back to the start, later not beyond the overlap.
  watched.pass(90min);
  watched.pass(1min);
  CHECK(watched.far.questions.back() == std::pair(start + 33min, start + 94min));
  CHECK(watched.judge.lines == Texts{"a", "b"});
  CHECK(watched.judge.kinds.empty());
  CHECK(watched.source->log_info(0).inputs == std::vector<std::uint32_t>{3});
  CHECK(watched.source->status().lines == 2);
}

TEST_CASE("what appears late is judged, once") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  watched.pass(30min);
  watched.far.put("late", start + 5min, "late");
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"late"});
  watched.pass(70min);
  watched.far.put("too-late", start + 6min, "too late");
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"late"});
}

TEST_CASE("a restart goes on where it was, a crash judges nothing twice that was stored") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  watched.far.put("a", start + 1min, "a");
  watched.pass(2min);
  watched.close();
  watched.far.put("b", start + 3min, "b");
  watched.clock.advance(5min);
  watched.open();
  watched.settle();
  CHECK(watched.judge.lines == Texts{"a", "b"});
  const model::GenerationId b = watched.judge.ids.back();
  watched.close(false);
  watched.open();
  watched.settle();
  // The same line again, so that the history counts it once.
  CHECK(watched.judge.lines == Texts{"a", "b", "b"});
  CHECK(watched.judge.ids.back() == b);
  CHECK(watched.judge.ids.front() != b);
}

TEST_CASE("a long absence is caught up in parts") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  watched.settle();
  watched.close();
  Texts expected;
  for (int hour = 0; hour < 10; ++hour) {
    watched.far.put(std::to_string(hour), start + std::chrono::hours(hour), std::to_string(hour));
    expected.push_back(std::to_string(hour));
  }
  watched.clock.advance(10h);
  watched.open();
  watched.settle();
  CHECK(watched.judge.lines == expected);
  CHECK(watched.questions() > 3);
  for (const auto& [from, until] : watched.far.questions) {
    CHECK(until - from <= 2h);
  }
}

TEST_CASE("a log that fails in the middle is read again without doubling a line") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  for (const char* id : {"a", "b", "c"}) {
    watched.far.put(id, start + 10s, id);
  }
  watched.far.fails_after = 2;
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"a", "b"});
  CHECK(watched.judge.kinds == std::vector{NoticeKind::kUnreadable});
  CHECK(watched.judge.texts.back() ==
        "far: cannot be read, what is in it is judged later: too many requests");
  CHECK(watched.source->status().unreadable == 1);
  const std::size_t asked = watched.questions();
  watched.clock.advance(20s);  // less than the back-off
  watched.settle();
  CHECK(watched.questions() == asked);
  watched.pass(1min);
  CHECK(watched.questions() == asked + 1);
  watched.far.fails_after = SIZE_MAX;
  watched.pass(20min);
  CHECK(watched.judge.lines == Texts{"a", "b", "c"});
  CHECK(watched.judge.kinds == std::vector{NoticeKind::kUnreadable, NoticeKind::kBack});
  CHECK(watched.source->status().unreadable == 0);
}

TEST_CASE("more entries than are remembered are all judged, and it is told") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  constexpr std::size_t kCount = source::WindowPosition::kMostSeen + 1000;
  for (std::size_t i = 0; i < kCount; ++i) {
    watched.far.put(std::to_string(i), start + 10s);
  }
  watched.pass(1min);
  watched.pass(1min);
  watched.pass(1min);
  CHECK(watched.judge.lines.size() == kCount);
  CHECK(watched.judge.kinds == std::vector{NoticeKind::kLost});
  watched.take_positions();
  CHECK(watched.record->size() < 64);
}

TEST_CASE("a reader that is slow lets the log wait") {
  Watched watched;
  const util::WallTime start = watched.clock.now();
  for (int i = 0; i < 100; ++i) {
    watched.far.put(std::to_string(i), start + 10s, std::string(60'000, 'x'));
  }
  watched.settle();
  watched.clock.advance(1min);
  watched.source->pump(watched.judge, util::kibibytes(1));
  // The worker fills what it may and waits: more than that is never there.
  pollfd waiting{watched.source->poll_fd(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, -1) == 1);
  while (watched.judge.lines.size() < 100) {
    CHECK(watched.source->status().backlog <= (std::size_t{4} << 20U) + 61'000);
    watched.source->pump(watched.judge, util::kibibytes(64));
  }
  watched.settle();
  CHECK(watched.judge.lines.size() == 100);
}

TEST_CASE("an entry that is too long gives what filters ask for") {
  PolledSource::Options options;
  options.longest_line = util::kibibytes(4);
  options.kept_members = {"name"};
  Watched watched(options);
  const util::WallTime start = watched.clock.now();
  const std::string junk(10'000, 'x');
  watched.far.put("a", start, R"({"data":{"by":{"name":"eve","junk":")" + junk + "\"}}}");
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{R"({"data":{"by":{"name":"eve"}}})"});
  CHECK(watched.judge.kinds == std::vector{NoticeKind::kOversized});
}

TEST_CASE("without a usable position the last day is read, from the head the last ninety") {
  Watched watched;
  watched.close();
  watched.record = "w1 nonsense";
  const util::WallTime start = watched.clock.now();
  watched.far.put("day", start - 23h, "day");
  watched.far.put("month", start - 720h, "month");
  watched.open();
  watched.settle();
  CHECK(watched.judge.lines == Texts{"day"});
  CHECK(watched.judge.kinds == std::vector{NoticeKind::kPositionInvalid});
  watched.close();
  watched.record.reset();
  watched.options.start_at = source::StartAt::kHead;
  watched.open();
  watched.settle();
  CHECK(watched.judge.lines == Texts{"day", "month", "day"});
}

TEST_CASE("a clock that is set back does not silence the log") {
  Watched watched;
  watched.pass(5min);
  watched.clock.set_wall(watched.clock.now() - 48h);
  const util::WallTime start = watched.clock.now();
  watched.far.put("a", start, "a");
  watched.pass(1min);
  watched.pass(1min);
  CHECK(watched.judge.lines == Texts{"a"});
}

TEST_CASE("a log that hangs does not keep the source from ending") {
  Watched watched;
  watched.far.hangs = true;
  watched.settle();
  watched.clock.advance(1min);
  watched.source->pump(watched.judge, util::kibibytes(1));
  CHECK_FALSE(watched.source->wake_at());
  watched.close();
  SUCCEED("it ended");
}
