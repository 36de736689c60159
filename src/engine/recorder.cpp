#include "engine/recorder.h"

#include <utility>

namespace warder::engine {

void Recorder::event(model::Event&& event) {
  for (const store::DestinationId destination : routes_.of(event)) {
    batch_.outbox.push_back({static_cast<std::uint32_t>(batch_.events.size()), destination});
  }
  batch_.events.push_back(std::move(event));
}

void Recorder::position_moved() {
  if (!position_due_) {
    position_due_ = clock_.monotonic() + kPositionInterval;
  }
}

std::optional<util::MonotonicTime> Recorder::due() const { return position_due_; }

void Recorder::end_step(const std::function<void(std::vector<model::Position>&)>& take_positions) {
  const bool late = position_due_ && *position_due_ <= clock_.monotonic();
  if (!batch_.empty() || late) {
    flush(take_positions);
  }
}

void Recorder::flush(const std::function<void(std::vector<model::Position>&)>& take_positions) {
  position_due_.reset();
  if (overloaded_) {
    unrecorded_ += batch_.events.size();
    batch_ = {};
    return;
  }
  take_positions(batch_.positions);
  if (!batch_.empty()) {
    submit();
  }
}

void Recorder::submit() {
  const bool ships = !batch_.outbox.empty();
  const auto ticket = store_.try_submit(batch_);
  if (!ticket) {
    overloaded_ = true;
    unrecorded_ += batch_.events.size();
    batch_ = {};
    return;
  }
  last_ticket_ = *ticket;
  if (ships) {
    outbox_ticket_ = *ticket;
  }
  batch_ = {};
}

}  // namespace warder::engine
