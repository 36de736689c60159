// A random writer against the file source and an oracle: appends, rotates as logrotate and Caddy
// do, compresses, copies and truncates, while the agent is read from, stored, killed and started
// again in between. Each seed is one repeatable history.
#include "integration/rotation/oracle.h"
#include "unit/source/gzip.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

using namespace warder;
using namespace warder::testing;

namespace fs = std::filesystem;

namespace {

enum class Style { kCounter, kDate, kCaddy };

// One history. The writer's side is as simple as can be: names and whole lines.
class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed),
        style_(static_cast<Style>(seed % 3)),
        following_({(folder_ / (seed % 2 == 0 ? "app.log" : "*.log")).string()}) {
    // A log never stored would begin anew after a kill.
    folder_.write("app.log", "");
    look();
    following_.store();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
    }
    if (!running_) {
      start();
    }
    finish_line();
    look();
    following_.pass(std::chrono::seconds(30));
    oracle_.judged(std::exchange(following_.recorder.lines, {}));
  }
  const Oracle& oracle() const { return oracle_; }
  std::vector<source::Notice>& notices() { return following_.recorder.notices; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void step() {
    switch (below(13)) {
      case 0:
      case 1:
      case 2:
      case 3:
        for (std::uint64_t lines = below(30); lines > 0; --lines) {
          write_line();
        }
        break;
      case 4:
        partial_ = partial_.empty() ? new_line() : partial_;
        if (partial_written_ < partial_.size()) {
          const std::size_t more = 1 + below(partial_.size() - partial_written_);
          folder_.append("app.log", partial_.substr(partial_written_, more));
          partial_written_ += more;
        }
        break;
      case 5:
        rename_and_create();
        break;
      case 6:
        copy_and_truncate();
        break;
      case 7:
        compress();
        break;
      case 8:
        running_ ? stop() : start();
        break;
      case 9:
        look_a_little();
        break;
      default:
        look();
        break;
    }
  }

  std::string new_line() {
    const std::string text = "line " + std::to_string(next_++) + " " +
                             std::string(below(8) == 0 ? below(3000) : below(80), 'x');
    return text + (below(5) == 0 ? "\r\n" : "\n");
  }
  void write_line() {
    finish_line();
    const std::string line = new_line();
    folder_.append("app.log", line);
    wrote(line);
  }
  void finish_line() {
    if (!partial_.empty()) {
      folder_.append("app.log", partial_.substr(partial_written_));
      wrote(std::exchange(partial_, {}));
      partial_written_ = 0;
    }
  }
  void wrote(std::string line) {
    line.resize(line.size() - (line.ends_with("\r\n") ? 2 : 1));
    oracle_.wrote(std::move(line));
  }

  // Makes room for the newest rolled file and gives its name.
  fs::path roll() {
    switch (style_) {
      case Style::kCounter:
        for (int i = 60; i > 0; --i) {
          for (const char* const end : {"", ".gz"}) {
            const fs::path from = folder_ / ("app.log." + std::to_string(i) + end);
            if (fs::exists(from)) {
              fs::rename(from, folder_ / ("app.log." + std::to_string(i + 1) + end));
            }
          }
        }
        return folder_ / "app.log.1";
      case Style::kDate:
        return folder_ / ("app.log-" + std::to_string(20260101 + rolls_++));
      case Style::kCaddy:
        ++rolls_;
        return folder_ / ("app-2026-11-02T12-00-" + std::to_string(10 + rolls_ / 10) + "." +
                          std::to_string(100 + rolls_ % 10) + ".log");
    }
    return {};
  }
  void rename_and_create() {
    finish_line();
    if (!fs::exists(folder_ / "app.log")) {
      return;
    }
    fs::rename(folder_ / "app.log", roll());
    if (below(3) == 0) {
      look();
    }
    if (below(2) == 0) {
      folder_.write("app.log", "");
    }
  }
  void copy_and_truncate() {
    finish_line();
    if (!fs::exists(folder_ / "app.log")) {
      return;
    }
    fs::copy_file(folder_ / "app.log", roll());
    if (below(3) == 0) {
      look();
    }
    fs::resize_file(folder_ / "app.log", 0);
  }
  // Any rolled file, as logrotate does with and without delaycompress; the time of the last change
  // is kept.
  void compress() {
    std::vector<fs::path> plain;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      if (name != "app.log" && !name.ends_with(".gz")) {
        plain.push_back(entry.path());
      }
    }
    if (plain.empty()) {
      return;
    }
    std::sort(plain.begin(), plain.end());
    const fs::path& chosen = plain[below(plain.size())];
    const std::string name = chosen.filename().string();
    folder_.write(name + ".gz", gzip(folder_.read(name)));
    fs::last_write_time(chosen.string() + ".gz", fs::last_write_time(chosen));
    if (below(3) == 0) {
      look();
    }
    fs::remove(chosen);
  }

  void look() {
    if (running_) {
      following_.pump(util::ByteCount{1 + below(5000)});
      oracle_.judged(std::exchange(following_.recorder.lines, {}));
      if (below(2) == 0) {
        following_.store();
        oracle_.stored();
      }
    }
  }
  // As under load: not all that waits is read.
  void look_a_little() {
    if (running_) {
      following_.source->pump(following_.recorder, util::ByteCount{1 + below(300)});
      oracle_.judged(std::exchange(following_.recorder.lines, {}));
    }
  }
  void stop() {
    following_.stop();
    oracle_.killed();
    running_ = false;
  }
  void start() {
    following_.start();
    running_ = true;
    look();
  }

  std::mt19937_64 random_;
  Style style_;
  TemporaryFolder folder_;
  Following following_;
  Oracle oracle_;
  std::string partial_;
  std::size_t partial_written_ = 0;
  std::uint64_t next_ = 0;
  int rolls_ = 0;
  bool running_ = true;
};

}  // namespace

TEST_CASE("every complete line is judged once, in order, whatever rotates and dies", "[rotation]") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    History history(seed);
    history.run(250);
    INFO("seed " << seed);
    const std::optional<std::string> complaint = history.oracle().complaint();
    if (complaint) {
      for (const source::Notice& notice : history.notices()) {
        UNSCOPED_INFO(notice.text);
      }
      FAIL(*complaint);
    }
  }
}

TEST_CASE("the oracle notices what it is for", "[rotation]") {
  const auto line = [](std::string text, std::uint64_t offset) {
    return Recorder::Read{std::move(text), 0, {}, offset, 2};
  };
  Oracle lost;
  lost.wrote("a");
  lost.wrote("b");
  lost.judged({line("a", 0)});
  REQUIRE(lost.complaint() == "never judged: b");

  Oracle twice;
  twice.wrote("a");
  twice.judged({line("a", 0), line("a", 0)});
  REQUIRE(twice.complaint() == "judged beyond the last: a");

  Oracle order;
  order.wrote("a");
  order.wrote("b");
  order.judged({line("b", 2), line("a", 0)});
  REQUIRE(order.complaint() == "line 0 should be 'a' and is 'b'");

  Oracle same_id;
  same_id.wrote("a");
  same_id.wrote("b");
  same_id.judged({line("a", 0), line("b", 0)});
  REQUIRE(same_id.complaint() == "two lines under one id, the second: b");

  Oracle other_id;
  other_id.wrote("a");
  other_id.judged({line("a", 0)});
  other_id.killed();
  other_id.judged({line("a", 7)});
  REQUIRE(other_id.complaint() == "came again under another id: a");
}

TEST_CASE("the oracle catches a source that drops one line", "[rotation]") {
  // The broken build: the same source, and a hand-over that swallows the tenth line.
  const TemporaryFolder folder;
  Following following({(folder / "app.log").string()});
  Oracle oracle;
  for (int i = 0; i < 20; ++i) {
    folder.append("app.log", "line " + std::to_string(i) + "\n");
    oracle.wrote("line " + std::to_string(i));
  }
  following.pump();
  std::vector<Recorder::Read> read = following.recorder.lines;
  REQUIRE(read.size() == 20);
  read.erase(read.begin() + 10);
  oracle.judged(read);
  REQUIRE(oracle.complaint() == "line 10 should be 'line 10' and is 'line 11'");
}
