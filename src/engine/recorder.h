#pragma once

#include "engine/routes.h"
#include "model/event.h"
#include "model/line.h"
#include "store/batch.h"
#include "store/store.h"
#include "util/bytes.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace warder::engine {

// Collects what the pipeline does and hands it to the store: events with their destinations, bans
// and positions of one step always in one batch. Pipeline thread only.
//
// When the store's queue is full nothing waits: bans must not. From then on what comes is judged
// but not recorded (`overloaded()`), positions stand still, and when the store has room again the
// owner goes back to the stored positions and has the lines judged once more. So the history stays
// complete, late.
class Recorder {
 public:
  // Positions without an event are stored this seldom: reading a quiet stretch twice harms nobody.
  static constexpr std::chrono::seconds kPositionInterval{5};

  Recorder(store::Store& store, const Routes& routes, const util::Clock& clock)
      : store_(store), routes_(routes), clock_(clock) {}

  void event(model::Event&& event);
  void ban(store::BanChange&& change) { batch_.bans.push_back(std::move(change)); }

  // Ends a step: `take_positions` appends the positions of the lines that were judged. Called only
  // when they will be stored.
  void end_step(const std::function<void(std::vector<model::Position>&)>& take_positions);
  // Stores everything now, positions included; at shutdown and before the configuration changes.
  void flush(const std::function<void(std::vector<model::Position>&)>& take_positions);
  // A line was judged, so a position will have to be stored some time.
  void position_moved();
  // When end_step() wants to be called although nothing happens.
  std::optional<util::MonotonicTime> due() const;

  bool overloaded() const { return overloaded_; }
  // Events that were not recorded because the store was full; their lines will be judged again.
  std::uint64_t unrecorded() const { return unrecorded_; }
  // After the owner went back to the stored positions.
  void resume() { overloaded_ = false; }
  // What must be on disk before going back.
  store::Ticket last_ticket() const { return last_ticket_; }
  // The ticket of the last batch with something for a destination.
  store::Ticket outbox_ticket() const { return outbox_ticket_; }

 private:
  void submit();

  store::Store& store_;
  const Routes& routes_;
  const util::Clock& clock_;
  store::Batch batch_;
  std::optional<util::MonotonicTime> position_due_;
  bool overloaded_ = false;
  std::uint64_t unrecorded_ = 0;
  store::Ticket last_ticket_ = 0;
  store::Ticket outbox_ticket_ = 0;
};

}  // namespace warder::engine
