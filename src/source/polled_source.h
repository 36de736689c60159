#pragma once

#include "source/file_source.h"
#include "source/json_gist.h"
#include "source/source.h"
#include "source/window_position.h"
#include "util/backoff.h"
#include "util/bytes.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::source {

// A log that lies elsewhere and is asked for by time. Used by one thread, a PolledSource's own, but
// for stop().
class RemoteLog {
 public:
  virtual ~RemoteLog() = default;

  struct Entry {
    std::string id;             // the same whenever it comes again
    util::WallTime happened{};  // by its own word
    std::string text;           // one line
  };
  // False when the reading is to end; may wait.
  using Take = std::function<bool(Entry entry)>;
  // Everything that was put into the log from `from` until before `until`, both whole minutes, in
  // any order. An error after some entries is one: the window is read again. The text of an error
  // has cause and remedy.
  virtual util::Status read(util::WallTime from, util::WallTime until, const Take& take) = 0;
  // Ends a running read() and every later one, at once. From any thread.
  virtual void stop() = 0;
};

// The lines of a RemoteLog: asked for each `interval`, each question reaching back by `overlap` so
// that what appears late is found, each entry judged once, by its id. The position is stored like a
// file's, so a restart goes on where it was and catches up.
//
// A thread of its own asks, and ends with the object; the time is that of the owner's loop. Unlike
// other sources a healthy one wakes its owner, once each interval. A log that does not answer is
// asked again after 30 s, later up to 15 min; a notice says so once, and once that it answers
// again.
//
// Bounded: entries waiting (4 MiB, then the reading waits), ids remembered (WindowPosition). More
// entries than that within one overlap are all judged; what of them appears late is then missed,
// and a notice says so.
class PolledSource : public Source {
 public:
  struct Options {
    std::string log;  // name, and model::Position::log
    std::vector<std::uint32_t> inputs;
    StartAt start_at = StartAt::kTail;
    util::ByteCount longest_line = util::kibibytes(64);
    MemberNames kept_members;  // of a longer one, as in FileOptions
    std::chrono::minutes interval{1};
    std::chrono::minutes overlap{60};
    std::uint64_t seed = 0;  // of the back-off's chance
  };
  // Reading begins so far back in a log that is read from its head, or without a usable position.
  static constexpr std::chrono::hours kHead{24 * 90};
  static constexpr std::chrono::hours kUnusable{24};
  // Longer ago nothing is kept anywhere: what is missing is told.
  static constexpr std::chrono::hours kLongestGap{24 * 365};

  PolledSource(Options options, std::unique_ptr<RemoteLog> log, const PositionLookup& positions,
               const util::Clock& clock);
  ~PolledSource() override;

  std::string_view name() const override { return info_.name; }
  int poll_fd() const override;
  std::optional<util::MonotonicTime> wake_at() const override;
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>& positions) override;
  bool comes_late() const override { return true; }
  const LogInfo& log_info(std::uint32_t) const override { return info_; }
  SourceStatus status() const override;

 private:
  struct Window {
    std::int64_t from = 0;  // minutes
    std::int64_t until = 0;
  };
  class Worker;

  void begin_at(const std::optional<std::string>& record);
  void ask(LineHandler& handler);
  void judge(const RemoteLog::Entry& entry, LineHandler& handler, Pumped& pumped);
  void finished(const util::Status& read, LineHandler& handler);
  void tell(LineHandler& handler, NoticeKind kind, model::Severity severity, std::string text);

  const Options options_;
  const util::Clock& clock_;
  LogInfo info_;
  WindowPosition position_;
  std::optional<std::string> first_notice_;
  bool changed_ = true;  // since take_positions()
  Window window_;        // that is asked for
  bool full_ = false;    // more entries in it than are remembered
  bool full_told_ = false;
  bool failing_ = false;
  std::optional<util::MonotonicTime> due_;
  util::Backoff backoff_;
  SourceStatus status_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace warder::source
