#pragma once

#include "filter/filter.h"
#include "filter/matcher_options.h"
#include "filter/notice.h"
#include "filter/time_judge.h"
#include "model/line.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace warder::filter {

// What one log needs: the filters of all jails that read it, compiled together so that a line that
// concerns none of them costs one pass. Text and JSON filters may be mixed.
//
// One thread at a time. Holds a little state between lines (sessions of MLFID filters), bounded:
// 100 sessions of 5 minutes a filter. After a reload a new Matcher starts with no sessions.
class Matcher {
 public:
  // The same filter may stand in the list more than once (two jails): each place is judged.
  static util::Result<std::unique_ptr<Matcher>> build(
      std::vector<std::shared_ptr<const Filter>> filters, MatcherOptions options);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // kLive at first. The source's reader says when it is behind.
  void set_reading(Reading reading);

  // Judges a line, at most one finding a filter (kept back lines of a session may add to its text).
  // `now` is the wall time; it judges the line's date. Lines of the journal carry their time in
  // Line::stamp: it is taken and the text is not searched for one.
  void match(const model::Line& line, util::WallTime now, MatchHandler& handler);

  // Drops what is kept between lines.
  void forget_sessions();

  // By index of the filter; stays valid until the Matcher ends.
  const Counters& counters(std::size_t filter) const;
  // Lines with bytes that are no text in their log's encoding.
  std::uint64_t undecodable() const;

 private:
  struct Parts;
  explicit Matcher(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace warder::filter
