#pragma once

#include "ship/destination.h"
#include "ship/outbox.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace warder::ship {

struct ShipperOptions {
  // See Digest. Zero: every event by itself.
  std::chrono::seconds digest{60};
  // Back-off after a failure, doubling from the first to the longest, with jitter. A longer
  // Retry-After of the destination is honoured.
  std::chrono::milliseconds first_retry{1000};
  std::chrono::milliseconds longest_retry{300'000};
  // Least time between two requests: what the destination can take, also after an outage.
  std::chrono::milliseconds pause{0};
  // An item that could not be delivered for so long since its event becomes a dead letter.
  std::chrono::seconds give_up{std::chrono::hours(72)};
  std::uint64_t jitter_seed = 0;
};

struct ShipperStatus {
  std::uint64_t delivered = 0;  // items, since the start
  std::uint64_t given_up = 0;   // items, since the start
  std::uint64_t requests = 0;   // deliveries tried, since the start
  // Set while the destination fails, to the first failure.
  std::optional<util::WallTime> failing_since;
  std::string last_error;  // empty when the last attempt succeeded
  std::optional<util::WallTime> last_success;
};

// What the operator should hear about a destination; the engine makes an event of kind kDestination
// of it (report_event()).
struct Report {
  enum class Kind {
    kFailing,    // has failed for a while (kReportAfter attempts); items wait in the outbox
    kRecovered,  // works again
    kGaveUp,     // `items` became dead letters
  };
  Kind kind = Kind::kFailing;
  std::string destination;
  std::uint64_t items = 0;
  std::string reason;
};

// The id is left empty. An event about a destination is never sent to that destination
// (about_destination()).
model::Event report_event(const Report& report, util::WallTime now);
bool about_destination(const model::Event& event, std::string_view destination);

// Drains the outbox of one destination: digest, deliver, back off, isolate what is refused. One
// step at a time and without a thread of its own, so that tests own the time; Shipper runs it.
class Pump {
 public:
  static constexpr std::size_t kMostLoaded = 500;
  static constexpr unsigned kReportAfter = 3;

  using OnReport = std::function<void(const Report&)>;

  // All must outlive the pump. `on_report` is called on the thread of step().
  Pump(Outbox& outbox, Destination& destination, ShipperOptions options, const util::Clock& clock,
       OnReport on_report);
  ~Pump();

  // Does what can be done now; at most one delivery. Returns when to call again: a time (at or
  // before now: at once), or empty for "when there are new items".
  std::optional<util::MonotonicTime> step();

  ShipperStatus status() const;  // thread safe

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A thread that steps a pump.
class Shipper {
 public:
  // Starts the thread. Takes the destination and the outbox over; `clock` must outlive it.
  Shipper(std::unique_ptr<Outbox> outbox, std::unique_ptr<Destination> destination,
          ShipperOptions options, const util::Clock& clock, Pump::OnReport on_report);
  // stop()
  ~Shipper();
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  // There are new items (after the commit). Cheap; thread safe.
  void notify();
  // Cancels a running request and joins. What is not acknowledged stays in the outbox.
  void stop();
  ShipperStatus status() const;
  const std::string& name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::ship
