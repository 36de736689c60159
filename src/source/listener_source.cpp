#include "source/listener_source.h"

#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

namespace warder::source {

ListenerSource::ListenerSource(std::string name, std::vector<std::uint32_t> inputs,
                               std::shared_ptr<LineListener> listener,
                               const model::GenerationId& generation, const util::Clock& clock)
    : info_{std::move(name), std::move(inputs)},
      listener_(std::move(listener)),
      generation_(generation),
      clock_(clock) {}

Pumped ListenerSource::pump(LineHandler& handler, util::ByteCount budget) {
  Pumped pumped;
  LineListener::Item item;
  while (pumped.read.value < budget.value) {
    if (!listener_->take(item)) {
      tell_lost(handler);
      return pumped;
    }
    bytes_ += item.length;
    pumped.read.value += item.text.size() + 1;
    if (item.shortened) {
      tell_oversized(item, handler);
    }
    if (!item.text.empty()) {
      ++pumped.lines;
      hand_over(item, handler);
    }
  }
  tell_lost(handler);
  pumped.more = true;
  return pumped;
}

void ListenerSource::hand_over(const LineListener::Item& item, LineHandler& handler) {
  model::Line line;
  line.text = item.text;
  line.generation = generation_;
  line.offset = lines_++;
  line.length = item.length;
  line.shortened = item.shortened;
  line.received = clock_.now();
  handler.on_line(line);
}

void ListenerSource::tell_oversized(const LineListener::Item& item, LineHandler& handler) {
  ++oversized_;
  const bool judged = !item.text.empty();
  if (!judged) {
    lost_bytes_ += item.length;
  }
  if (!gate_.pass(NoticeKind::kOversized, clock_.monotonic())) {
    ++withheld_;
    return;
  }
  Notice notice;
  notice.kind = NoticeKind::kOversized;
  notice.severity = judged ? model::Severity::kInfo : model::Severity::kWarning;
  notice.log = info_.name;
  notice.length = item.length;
  notice.sha256 = util::to_hex(item.digest);
  notice.text = fmt::format(
      "{}: a line of {} bytes is longer than the limit of {} and was {} (SHA-256 {}){}",
      util::printable(info_.name), item.length,
      util::format_bytes(listener_->options().longest_line),
      judged ? "judged by those of its members that JSON filters ask for" : "not judged",
      notice.sha256,
      judged ? "" : "; the next line is. Raise longest_line if such lines are normal here");
  handler.on_notice(notice);
}

void ListenerSource::tell_lost(LineHandler& handler) {
  const LineListener::Lost lost = listener_->take_lost();
  lost_bytes_ += lost.bytes;
  untold_.overflow += lost.overflow;
  untold_.cut += lost.cut;
  untold_.bytes += lost.bytes;
  if (untold_.overflow + untold_.cut == 0) {
    return;
  }
  const util::MonotonicTime now = clock_.monotonic();
  if (tell_at_ && now < *tell_at_) {
    return;
  }
  if (!gate_.pass(NoticeKind::kLost, now)) {
    ++withheld_;
    tell_at_ = now + std::chrono::minutes(1);
    return;
  }
  tell_at_.reset();
  const LineListener::Lost told = std::exchange(untold_, {});
  Notice notice;
  notice.kind = NoticeKind::kLost;
  notice.severity = told.overflow > 0 ? model::Severity::kHigh : model::Severity::kWarning;
  notice.log = info_.name;
  notice.length = told.bytes;
  notice.text = util::printable(info_.name) + ": ";
  const bool http = listener_->kind() == ListenAddress::Kind::kHttp;
  if (told.overflow > 0) {
    notice.text +=
        fmt::format("{} lines came faster than they could be judged; they were {} and dropped",
                    told.overflow, http ? "answered" : "read");
  }
  if (told.cut > 0) {
    notice.text +=
        fmt::format("{}{} connections ended within a line, which was not judged{}",
                    told.overflow > 0 ? "; " : "", told.cut,
                    http ? "" : "; a vault that goes on sends it again by its next connection");
  }
  notice.text +=
      fmt::format(" ({} bytes). A file device beside this one loses nothing", told.bytes);
  handler.on_notice(notice);
}

SourceStatus ListenerSource::status() const {
  SourceStatus status;
  status.lines = lines_;
  status.bytes = bytes_;
  status.oversized = oversized_;
  status.lost_bytes = lost_bytes_;
  status.notices_withheld = withheld_;
  status.backlog = listener_->waiting_bytes();
  status.logs = 1;
  return status;
}

}  // namespace warder::source
