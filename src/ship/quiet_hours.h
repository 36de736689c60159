#pragma once

#include "model/event.h"
#include "model/outbox.h"
#include "ship/gathering.h"
#include "util/clock.h"
#include "util/result.h"

#include <bitset>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

namespace warder::ship {

// How far the clocks of a place are east of UTC at a moment.
using OffsetAt = std::function<std::chrono::seconds(util::WallTime)>;

// The hours of a week in which nobody is to be disturbed, as the clocks of a place show them. A
// plain value.
class QuietHours {
 public:
  QuietHours() = default;  // none
  // "22:00-07:00" each day; "mon-fri 22:00-07:00, sat sun 00:00-24:00": the days are those on which
  // it begins, an end that is not behind the beginning is on the next day. kInvalid; also for hours
  // that begin when they end (all day or never: nobody can tell), and when no minute of the week is
  // left, because what is held would never be told.
  static util::Result<QuietHours> parse(std::string_view text);

  bool empty() const { return minutes_.none(); }
  bool contains(util::WallTime time, const OffsetAt& clocks) const;
  // The first moment from `time` on that is not quiet.
  util::WallTime end(util::WallTime time, const OffsetAt& clocks) const;

 private:
  static constexpr std::size_t kMinutes = std::size_t{7} * 24 * 60;
  static std::size_t minute_of(util::WallTime time, const OffsetAt& clocks);

  std::bitset<kMinutes> minutes_;  // of the week, from Sunday 00:00
};

struct QuietOptions {
  QuietHours hours;
  OffsetAt clocks;  // set when there are hours
  // Events of this severity and above are told all the same.
  model::Severity through = model::Severity::kCritical;
  // The receiver keeps incidents open until it is told of their end: that is never held.
  bool ends_pass = false;
};

// Whether the event waits: it came in quiet hours, or would be told in them. An event that was not
// read in time (a restart, an outage) is judged by when it happened as well, so that a night's
// alerts make one message however late they are read. A test alert never waits.
bool is_held(const QuietOptions& options, const model::Event& event, util::WallTime now);

// Holds what is not to be told in quiet hours, for one message behind them. What is held stays in
// the outbox and is found there after a restart. Not thread safe; time is passed in.
class QuietTime {
 public:
  explicit QuietTime(QuietOptions options) : options_(std::move(options)) {}

  bool holds(const model::OutboxItem& item, util::WallTime now) const {
    return is_held(options_, item.event, now);
  }
  void hold(const model::OutboxItem& item) { held_.add(item); }
  bool full() const { return held_.size() >= Gathering::kMostItems; }
  bool empty() const { return held_.empty(); }
  // It stays in the outbox.
  void forget() { held_ = {}; }

  // The held items, once it is not quiet any more; call it when the outbox has been read.
  std::optional<Message> release(std::string_view destination, util::WallTime now);
  // How long from `now` until release() has something; empty: nothing is held. At most kLook, for
  // the clock may be set meanwhile.
  std::optional<std::chrono::microseconds> wait(util::WallTime now) const;

  static constexpr std::chrono::minutes kLook{10};

 private:
  QuietOptions options_;
  Gathering held_;
};

}  // namespace warder::ship
