#pragma once

#include "source/line_listener.h"
#include "source/notice_gate.h"
#include "source/source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// The lines of a LineListener. Keeps no position: what was handed in does not come again. The
// listener outlives its sources, so that new rules do not close it.
class ListenerSource : public Source {
 public:
  ListenerSource(std::string name, std::vector<std::uint32_t> inputs,
                 std::shared_ptr<LineListener> listener, const model::GenerationId& generation,
                 const util::Clock& clock);

  std::string_view name() const override { return info_.name; }
  int poll_fd() const override { return listener_->ready_fd(); }
  std::optional<util::MonotonicTime> wake_at() const override { return tell_at_; }
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>&) override {}
  const LogInfo& log_info(std::uint32_t) const override { return info_; }
  SourceStatus status() const override;

 private:
  void hand_over(const LineListener::Item& item, LineHandler& handler);
  void tell_oversized(const LineListener::Item& item, LineHandler& handler);
  void tell_lost(LineHandler& handler);

  LogInfo info_;
  std::shared_ptr<LineListener> listener_;
  // Of this run of the process; the offset is a running number.
  model::GenerationId generation_;
  const util::Clock& clock_;
  NoticeGate gate_;
  LineListener::Lost untold_;
  std::optional<util::MonotonicTime> tell_at_;  // when untold_ may be told
  std::uint64_t lines_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t oversized_ = 0;
  std::uint64_t lost_bytes_ = 0;
  std::uint64_t withheld_ = 0;
};

}  // namespace warder::source
