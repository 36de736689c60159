#pragma once

#include "model/outbox.h"
#include "ship/gathering.h"
#include "ship/message.h"
#include "util/clock.h"

#include <chrono>
#include <deque>
#include <optional>
#include <string>

namespace warder::ship {

// Turns the items of one destination into messages. The first alert goes at once and opens a window
// of `window`; what comes within it is collected and goes as one summary at its end, which opens
// the next window. Critical events other than bans do not wait (kMostUrgent a window), nor does
// what is told for the first time (OutboxItem::fresh, kMostFresh a window), which goes ahead of
// everything else. With a window of zero each item is a message, in their order.
//
// Collecting is bounded, see Gathering; when it is full() the rest stays in the outbox until the
// window ends. Not thread safe; time is passed in.
class Digest {
 public:
  static constexpr unsigned kMostUrgent = 10;
  static constexpr unsigned kMostFresh = 10;

  Digest(std::string destination, std::chrono::seconds window);

  void add(const model::OutboxItem& item, util::MonotonicTime now);
  // A message that is due, oldest first. `now` never goes back.
  std::optional<Message> take(util::MonotonicTime now);
  // When take() will have something if nothing is added; empty: never.
  std::optional<util::MonotonicTime> next_due() const;
  bool full() const;
  // Whether nothing is held back or ready.
  bool empty() const;
  // Messages that take() would give now.
  std::size_t ready() const { return first_.size() + ready_.size(); }

 private:
  Message single(const model::OutboxItem& item) const;
  // Ends the window when its time is over.
  void roll(util::MonotonicTime now);

  const std::string destination_;
  const std::chrono::seconds window_;
  std::deque<Message> first_;  // ahead of ready_
  std::deque<Message> ready_;
  std::optional<util::MonotonicTime> window_start_;
  unsigned urgent_ = 0;
  unsigned fresh_ = 0;
  Gathering collected_;
};

}  // namespace warder::ship
