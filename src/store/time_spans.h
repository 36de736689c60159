#pragma once

#include "store/database.h"
#include "util/result.h"

#include <cstdint>

namespace warder::store {

// Between which times the events of each kSize sequences lie: what an index by time would be for,
// at a thousandth of its size. Events come nearly in the order of their times, so few spans are
// read for a stretch of time, however they come, none is missed.
class TimeSpans {
 public:
  static constexpr std::uint64_t kSize = 1024;

  // `size`: sequences given so far.
  util::Status open(Connection& connection, std::uint64_t size);
  util::Status add(std::uint64_t sequence, std::int64_t time);
  // Writes the span that grows, if it grew.
  util::Status save();
  void committed() { durable_ = span_; }
  void rolled_back() { span_ = durable_; }

 private:
  struct Span {
    std::uint64_t first = 0;
    std::int64_t earliest = 0;
    std::int64_t latest = 0;
    bool empty = true;
    bool changed = false;
  };

  Statement write_;
  Span span_;
  Span durable_;
};

}  // namespace warder::store
