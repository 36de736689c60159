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
// When the store's queue is full nothing waits: bans must not. From then on what comes of lines is
// judged but not recorded (`overloaded()`), positions stand still, and when the store has room
// again the owner goes back to the stored positions and has the lines judged once more. What no
// line brings back is held until then. So the history stays complete, late.
class Recorder {
 public:
  // What becomes of a record for which the store has no room.
  enum class WhenFull : std::uint8_t {
    kDrop,  // it is found again when going back: from its line, or from the stored bans
    kHold,  // it is kept and handed in before going back
  };
  // Events held in overload at most; further ones count as unrecorded.
  static constexpr std::size_t kMostHeld = 10'000;
  // Positions without an event are stored this seldom: reading a quiet stretch twice harms nobody.
  static constexpr std::chrono::seconds kPositionInterval{5};

  Recorder(store::Store& store, const Routes& routes, const util::Clock& clock)
      : store_(store), routes_(routes), clock_(clock) {}

  // Within one step what is held comes before what is dropped, each in its order.
  void event(model::Event&& event, WhenFull when_full);
  // An operator's: held when the store is full.
  void acknowledge(model::Event&& event, store::Acknowledgement&& given);
  // The event says that the clock was set. Held when the store is full.
  void clock_stepped(model::Event&& event, std::chrono::microseconds by);
  void ban(store::BanChange&& change, WhenFull when_full);

  // Kept with the events of this step, or not at all.
  void keep(std::vector<store::Kept>&& kept);

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
  // Events that were not recorded because the store was full: those of lines that will be judged
  // again, and what was too many to be held.
  std::uint64_t unrecorded() const { return unrecorded_; }
  // True when nothing is held. Otherwise hands it in: it has to be on disk before going back.
  bool hand_in_held();
  // After the owner went back to the stored positions.
  void resume() { overloaded_ = false; }
  store::Ticket last_ticket() const { return last_ticket_; }
  // The ticket of the last batch with something for a destination.
  store::Ticket outbox_ticket() const { return outbox_ticket_; }

 private:
  // False when the store has no room; the batch is as before.
  bool submit(store::Batch& batch);
  void drop();

  store::Store& store_;
  const Routes& routes_;
  const util::Clock& clock_;
  store::Batch batch_;  // of this step, what may be dropped
  store::Batch held_;   // of this step and, in overload, of those before
  std::optional<util::MonotonicTime> position_due_;
  bool overloaded_ = false;
  std::uint64_t unrecorded_ = 0;
  store::Ticket last_ticket_ = 0;
  store::Ticket outbox_ticket_ = 0;
};

}  // namespace warder::engine
