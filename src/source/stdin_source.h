#pragma once

#include "source/source.h"
#include "util/descriptor.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace warder::source {

struct StdinOptions {
  util::ByteCount longest_line = util::kibibytes(64);
  std::vector<std::uint32_t> inputs = {0};  // LogInfo::inputs
};

// Lines from standard input or another stream that can be read once (pipe, terminal, socket, file).
// Keeps no position: what was read is gone. The last line is judged without a line end too, since
// nothing can follow it.
class StdinSource : public Source {
 public:
  // For the process's own standard input pass a duplicate. It may be a regular file, which poll(2)
  // takes and epoll(7) does not.
  StdinSource(StdinOptions options, util::Descriptor fd, const util::Clock& clock);
  ~StdinSource() override;

  // Other options from the next pump() on; of a line that has begun nothing is lost.
  void use(StdinOptions options);

  std::string_view name() const override { return "stdin"; }
  int poll_fd() const override;
  std::optional<util::MonotonicTime> wake_at() const override { return std::nullopt; }
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>&) override {}
  const LogInfo& log_info(std::uint32_t) const override { return info_; }
  SourceStatus status() const override;

 private:
  struct State;
  util::Descriptor fd_;
  const util::Clock& clock_;
  LogInfo info_;
  std::unique_ptr<State> state_;
};

}  // namespace warder::source
