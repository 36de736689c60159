#include "store/time_spans.h"

#include <algorithm>

namespace warder::store {

util::Status TimeSpans::open(Connection& connection, std::uint64_t size) {
  WARDER_ASSIGN_OR_RETURN(
      write_, connection.prepare("INSERT OR REPLACE INTO event_span VALUES(?1, ?2, ?3)"));
  WARDER_ASSIGN_OR_RETURN(
      Statement load,
      connection.prepare("SELECT first, earliest, latest FROM event_span WHERE first = ?1"));
  span_ = {};
  Rows rows = load.run(size / kSize * kSize);
  if (rows.next()) {
    span_ = {static_cast<std::uint64_t>(rows.integer(0)), rows.integer(1), rows.integer(2), false,
             false};
  }
  durable_ = span_;
  return rows.status();
}

util::Status TimeSpans::add(std::uint64_t sequence, std::int64_t time) {
  const std::uint64_t first = sequence / kSize * kSize;
  if (span_.empty || span_.first != first) {
    WARDER_RETURN_IF_ERROR(save());
    span_ = {first, time, time, false, true};
    return {};
  }
  if (time < span_.earliest || time > span_.latest) {
    span_.earliest = std::min(span_.earliest, time);
    span_.latest = std::max(span_.latest, time);
    span_.changed = true;
  }
  return {};
}

util::Status TimeSpans::save() {
  if (!span_.changed) {
    return {};
  }
  span_.changed = false;
  return write_.execute(span_.first, span_.earliest, span_.latest);
}

}  // namespace warder::store
