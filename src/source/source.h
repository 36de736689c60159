#pragma once

#include "model/line.h"
#include "source/notice.h"
#include "util/bytes.h"
#include "util/clock.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// Takes what a Source reads. Called from within pump(), on its thread; must not call back into the
// same Source.
class LineHandler {
 public:
  virtual ~LineHandler() = default;
  // The line is a view, valid during the call.
  virtual void on_line(const model::Line& line) = 0;
  virtual void on_notice(const Notice& notice) = 0;
};

// One log of a source: a file, the journal under one match, standard input.
struct LogInfo {
  std::string name;  // the path; "journal: MATCH"; "stdin"; an address
  // Ids of the inputs (globs) that name this log, in rising order: which jails want its lines.
  std::vector<std::uint32_t> inputs;
};

// What one pump() did.
struct Pumped {
  util::ByteCount read;     // from files, oversized lines included
  std::uint64_t lines = 0;  // handed over
  bool more = false;        // the budget ended the call: pump again without waiting
  bool finished = false;    // no line will ever come again (standard input has ended)
};

// Totals since construction, and the state now.
struct SourceStatus {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  std::uint64_t oversized = 0;         // lines not judged because of their length
  std::uint64_t lost_bytes = 0;        // known to have existed and not judged
  std::uint64_t notices_withheld = 0;  // by the limit in Notice
  std::uint64_t logs = 0;              // known
  std::uint64_t unreadable = 0;        // of these: missing, refused or failing now
  std::uint64_t backlog = 0;           // bytes known to wait
  std::uint64_t open_files = 0;
  bool scanning = false;  // looks each second instead of being told
};

// The stored record of a log's position (model::Position::record), or nothing when there is none.
using PositionLookup = std::function<std::optional<std::string>(std::string_view log)>;

// Where lines come from. Owned and used by one thread (the pipeline); starts none of its own. What
// it is given (clock) must outlive it.
//
// The loop of the owner: pump() once at start (nothing is opened before that), then again whenever
// poll_fd() is readable, wake_at() has come or the last pump() said `more`. A healthy source that
// has nothing to read has no wake_at() and wakes nobody.
//
// A line counts as judged once on_line() has returned: take_positions() after a pump() covers
// exactly the lines handed over so far, and stored in one transaction with what they caused it
// makes each line count once. After a crash reading goes on from the stored positions; the lines
// since then come again with the same generation and offset.
class Source {
 public:
  virtual ~Source() = default;

  // As `warder status` shows it, told apart from others of its kind: "file", "journal" with what it
  // matches, "stdin", the address listened at or asked. As configured: may hold any bytes.
  virtual std::string_view name() const = 0;
  // Readable (POLLIN) when pump() has something to do; -1 when there is no such descriptor. Stays
  // the same during the life of the source.
  virtual int poll_fd() const = 0;
  // When pump() wants to be called even if poll_fd() is silent (a retry, the end of a rotated
  // file), by Clock::monotonic().
  virtual std::optional<util::MonotonicTime> wake_at() const = 0;
  // Reads about `budget` bytes at most, one read more at worst, and hands the lines over. Never
  // blocks on what it reads. Failures become notices; the source goes on with its other logs.
  virtual Pumped pump(LineHandler& handler, util::ByteCount budget) = 0;
  // Appends the positions that changed since the last call.
  virtual void take_positions(std::vector<model::Position>& positions) = 0;
  // Lines may come long after they were written, even while all is well: their own time counts.
  virtual bool comes_late() const { return false; }
  // Of model::Line::log. The reference is valid until the next pump().
  virtual const LogInfo& log_info(std::uint32_t log) const = 0;
  virtual SourceStatus status() const = 0;
};

}  // namespace warder::source
