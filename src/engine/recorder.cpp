#include "engine/recorder.h"

#include "ship/incident.h"

#include <utility>

namespace warder::engine {

void Recorder::event(model::Event&& event, WhenFull when_full) {
  if (overloaded_ && when_full == WhenFull::kHold && held_.events.size() >= kMostHeld) {
    ++unrecorded_;
    return;
  }
  store::Batch& batch = when_full == WhenFull::kHold ? held_ : batch_;
  const auto place = static_cast<std::uint32_t>(batch.events.size());
  const std::vector<store::DestinationId> told = routes_.of(event);
  for (const store::DestinationId destination : told) {
    batch.outbox.push_back({place, destination});
  }
  if (auto incident = routes_.incident(event, told)) {
    incident->event = place;
    batch.incidents.push_back(std::move(*incident));
  }
  if (std::string name = told.empty() ? std::string() : ship::novelty_of(event); !name.empty()) {
    batch.novelties.push_back({place, std::move(name)});
  }
  batch.events.push_back(std::move(event));
}

void Recorder::acknowledge(model::Event&& event, store::Acknowledgement&& given) {
  given.event = static_cast<std::uint32_t>(held_.events.size());
  held_.acknowledgements.push_back(std::move(given));
  for (const store::DestinationId destination : routes_.of(event)) {
    held_.outbox.push_back({held_.acknowledgements.back().event, destination});
  }
  held_.events.push_back(std::move(event));
}

void Recorder::clock_stepped(model::Event&& event, std::chrono::microseconds by) {
  const auto place = static_cast<std::uint32_t>(held_.events.size());
  this->event(std::move(event), WhenFull::kHold);
  if (held_.events.size() > place) {
    held_.clock_steps.push_back({place, by});
  }
}

void Recorder::ban(store::BanChange&& change, WhenFull when_full) {
  (when_full == WhenFull::kHold ? held_ : batch_).bans.push_back(std::move(change));
}

void Recorder::keep(std::vector<store::Kept>&& kept) {
  for (store::Kept& one : kept) {
    // In overload only the latest counts; there are few names.
    std::erase_if(held_.kept, [&](const store::Kept& held) { return held.name == one.name; });
    held_.kept.push_back(std::move(one));
  }
}

void Recorder::position_moved() {
  if (!position_due_) {
    position_due_ = clock_.monotonic() + kPositionInterval;
  }
}

std::optional<util::MonotonicTime> Recorder::due() const { return position_due_; }

void Recorder::end_step(const std::function<void(std::vector<model::Position>&)>& take_positions) {
  const bool late = position_due_ && *position_due_ <= clock_.monotonic();
  if (!batch_.empty() || !held_.empty() || late) {
    flush(take_positions);
  }
}

void Recorder::flush(const std::function<void(std::vector<model::Position>&)>& take_positions) {
  position_due_.reset();
  if (overloaded_) {
    drop();
    return;
  }
  take_positions(batch_.positions);
  if (held_.empty()) {
    if (!batch_.empty() && !submit(batch_)) {
      overloaded_ = true;
      drop();
    }
    return;
  }
  store::Batch all = held_;
  const auto first = static_cast<std::uint32_t>(all.events.size());
  for (const store::OutboxEntry& entry : batch_.outbox) {
    all.outbox.push_back({first + entry.event, entry.destination});
  }
  for (const store::IncidentEntry& entry : batch_.incidents) {
    all.incidents.push_back(entry);
    all.incidents.back().event += first;
  }
  for (const store::Novelty& novelty : batch_.novelties) {
    all.novelties.push_back({first + novelty.event, novelty.name});
  }
  all.events.insert(all.events.end(), batch_.events.begin(), batch_.events.end());
  all.bans.insert(all.bans.end(), batch_.bans.begin(), batch_.bans.end());
  all.positions = std::move(batch_.positions);
  if (!submit(all)) {
    overloaded_ = true;
    drop();
    return;
  }
  batch_ = {};
  held_ = {};
}

bool Recorder::hand_in_held() {
  if (held_.empty()) {
    return true;
  }
  submit(held_);
  return false;
}

void Recorder::drop() {
  unrecorded_ += batch_.events.size();
  batch_ = {};
}

bool Recorder::submit(store::Batch& batch) {
  // The store adds to outboxes whoever was told of an incident.
  const bool ships =
      !batch.outbox.empty() || !batch.incidents.empty() || !batch.acknowledgements.empty();
  const auto ticket = store_.try_submit(batch);
  if (!ticket) {
    return false;
  }
  last_ticket_ = *ticket;
  if (ships) {
    outbox_ticket_ = *ticket;
  }
  batch = {};
  return true;
}

}  // namespace warder::engine
