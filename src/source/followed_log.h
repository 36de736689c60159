#pragma once

#include "source/file_source.h"
#include "source/generation.h"
#include "source/line_cursor.h"
#include "source/notice_gate.h"
#include "source/open_log.h"
#include "source/succession.h"
#include "util/backoff.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace warder::source {

// What the logs of one FileSource share. Outlives them.
struct FollowContext {
  const FileOptions& options;
  const util::Clock& clock;
  OpenFiles files;
  std::vector<char> buffer;
  SourceStatus totals;
  LineHandler* handler = nullptr;  // set during pump() only
};

// One log by its path: its generations in the order of their lives, the oldest read first, and what
// becomes of them when the file at the path changes. All calls happen within FileSource::pump(),
// except take_position().
class FollowedLog : private LineSink {
 public:
  enum class Origin : std::uint8_t {
    kThereAtStart,  // found when the source started: `start_at` counts
    kAppeared,      // came later: read from its start
  };
  FollowedLog(FollowContext& context, std::uint32_t index, std::string path, Origin origin,
              StartAt start_at);

  // Once, before anything else: the stored record, or nothing.
  void restore(const std::optional<std::string>& record);

  const std::string& path() const { return path_; }
  // Where the file itself is: other than path() when that is a link.
  const std::string& real_path() const { return real_path_; }

  // Looks at what stands at the path: something came, went or changed its mode.
  void check();
  // Bytes were written to the file at the path.
  void written();
  // Bytes were written to a file whose name was made out of this log's.
  void rolled_written(const std::string& path);
  bool has_rolled() const;
  // A file appeared whose name was made out of this log's.
  void rolled_appeared();
  // Says at once that there is nothing at the path, instead of after FileOptions::missing_after.
  void expect_now();

  // Does what is due by now.
  void tick();
  std::optional<util::MonotonicTime> wake_at() const;

  // Something waits to be read.
  bool ready() const;
  // Reads up to about `most` bytes.
  struct Turn {
    std::size_t read = 0;
    std::uint64_t lines = 0;
    bool more = false;
  };
  Turn read(std::size_t most);

  // Whether something changed since the last take_position().
  bool dirty() const { return dirty_; }
  std::string take_position();

  std::uint64_t backlog() const;
  bool troubled() const { return problem_.has_value(); }

  // In the queue of logs that have something to read; kept by FileSource.
  bool queued = false;

 private:
  enum class Opening : std::uint8_t { kOpen, kLater, kStale };

  void on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) override;
  void on_oversized(std::uint64_t offset, std::uint64_t length, const crypto::Sha256Digest& digest,
                    std::string_view gist) override;
  const MemberNames* wanted_members() const override {
    return context_.options.kept_members.empty() ? nullptr : &context_.options.kept_members;
  }
  void on_hole(std::uint64_t offset, std::uint64_t length) override;

  void settle(const LookedAt& now);
  void tell_of_change(const Succession& succession, const Generation* before);
  void tell_of_start(const Succession& succession, const Generation* newest);
  bool forget_unjudged(const Generation* current);
  void keep_anchor();
  void begin(Generation& generation);
  void cut(Generation& generation);
  void go_on_at(Generation& generation, std::uint64_t offset, std::uint64_t size);
  void lose(Generation& generation);
  Opening open(Generation& generation);
  void choose_start(Generation& generation);
  void hand_over(std::string_view text, std::uint64_t offset, std::uint64_t length, bool shortened);
  LineCursor::Outcome read_generation(Generation& generation, std::size_t most, Turn& turn);
  bool waits(const Generation& generation) const;
  void fail(Generation& generation, int error);
  void finish(Generation& generation);
  void retire();
  void remove(const Generation& generation);

  struct Range {
    std::uint64_t offset;
    std::uint64_t length;
  };
  void say(NoticeKind kind, model::Severity severity, std::string text,
           std::optional<Range> range = std::nullopt);
  void set_problem(NoticeKind kind, int error, model::Severity severity, std::string text);
  void clear_problem();

  FollowContext& context_;
  const std::uint32_t index_;
  const std::string path_;
  std::string real_path_;
  bool start_at_tail_;
  bool looked_ = false;
  bool restored_ = false;

  Generations generations_;        // oldest first
  Generation* current_ = nullptr;  // the one at the path
  std::uint32_t last_life_ = 0;
  LogSeed seed_{};
  bool dirty_ = false;

  // During read_generation().
  Generation* reading_ = nullptr;
  Turn* turn_ = nullptr;
  util::WallTime received_{};
  // Bytes known to wait before the file was looked at again.
  std::uint64_t waiting_ = 0;

  struct Problem {
    NoticeKind kind;
    int error;
  };
  std::optional<Problem> problem_;
  NoticeGate gate_;
  util::Backoff backoff_;
  std::optional<util::MonotonicTime> retry_at_;
  std::optional<util::MonotonicTime> missing_at_;
  std::optional<util::MonotonicTime> tick_at_;
};

}  // namespace warder::source
