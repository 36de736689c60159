#include "source/http_source.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <utility>

namespace warder::source {

HttpSource::HttpSource(std::string name, std::vector<std::uint32_t> inputs,
                       std::shared_ptr<HttpListener> listener,
                       const model::GenerationId& generation, const util::Clock& clock)
    : info_{std::move(name), std::move(inputs)},
      listener_(std::move(listener)),
      generation_(generation),
      clock_(clock) {}

Pumped HttpSource::pump(LineHandler& handler, util::ByteCount budget) {
  Pumped pumped;
  std::string text;
  while (pumped.read.value < budget.value) {
    if (!listener_->take(text)) {
      tell_lost(handler);
      return pumped;
    }
    model::Line line;
    line.text = text;
    line.generation = generation_;
    line.offset = lines_++;
    line.length = text.size();
    line.received = clock_.now();
    bytes_ += text.size();
    pumped.read.value += text.size();
    ++pumped.lines;
    handler.on_line(line);
  }
  tell_lost(handler);
  pumped.more = true;
  return pumped;
}

void HttpSource::tell_lost(LineHandler& handler) {
  const HttpListener::Lost lost = listener_->take_lost();
  if (lost.overflow + lost.too_long == 0) {
    return;
  }
  oversized_ += lost.too_long;
  lost_bytes_ += lost.bytes;
  Notice notice;
  notice.kind = NoticeKind::kLost;
  notice.severity = model::Severity::kHigh;
  notice.log = info_.name;
  notice.length = lost.bytes;
  notice.text = fmt::format(
      "{}: {} lines came faster than they could be judged and {} were too long; they were answered "
      "and dropped ({} bytes). A file device beside this one loses nothing",
      util::printable(info_.name), lost.overflow, lost.too_long, lost.bytes);
  handler.on_notice(notice);
}

SourceStatus HttpSource::status() const {
  SourceStatus status;
  status.lines = lines_;
  status.bytes = bytes_;
  status.oversized = oversized_;
  status.lost_bytes = lost_bytes_;
  status.backlog = listener_->waiting_bytes();
  status.logs = 1;
  return status;
}

}  // namespace warder::source
