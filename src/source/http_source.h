#pragma once

#include "source/http_listener.h"
#include "source/source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::source {

// The lines of an HttpListener. Keeps no position: what was answered does not come again. The
// listener outlives its sources, so that new rules do not close it.
class HttpSource : public Source {
 public:
  HttpSource(std::string name, std::vector<std::uint32_t> inputs,
             std::shared_ptr<HttpListener> listener, const model::GenerationId& generation,
             const util::Clock& clock);

  std::string_view name() const override { return "http"; }
  int poll_fd() const override { return listener_->ready_fd(); }
  std::optional<util::MonotonicTime> wake_at() const override { return std::nullopt; }
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>&) override {}
  const LogInfo& log_info(std::uint32_t) const override { return info_; }
  SourceStatus status() const override;

 private:
  void tell_lost(LineHandler& handler);

  LogInfo info_;
  std::shared_ptr<HttpListener> listener_;
  // Of this run of the process; the offset is a running number.
  model::GenerationId generation_;
  const util::Clock& clock_;
  std::uint64_t lines_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t oversized_ = 0;
  std::uint64_t lost_bytes_ = 0;
};

}  // namespace warder::source
