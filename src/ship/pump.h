#pragma once

#include "ship/destination.h"
#include "ship/outbox.h"
#include "ship/quiet_hours.h"
#include "ship/report.h"
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
  // A destination that has failed for so long: items older than this become dead letters. What
  // counts is the running time of the agent, so a clock that jumps gives nothing up.
  std::chrono::seconds give_up{std::chrono::hours(72)};
  std::uint64_t jitter_seed = 0;
  // When nothing but the urgent is told.
  QuietOptions quiet = {};
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

// Drains the outbox of one destination: digest, deliver, back off, isolate what is refused. One
// step at a time and without a thread of its own, so that tests own the time; Shipper runs it.
//
// Refused content is found by halving the batch, then given up. A rejection (Outcome::kRejected) is
// held against the message only if the next message is taken and the rejected one is rejected once
// more; otherwise the destination as a whole is failing and everything waits.
class Pump {
 public:
  // Items read from the outbox in one step.
  static constexpr std::size_t kMostLoaded = 500;
  // Failures in a row before it is reported.
  static constexpr unsigned kReportAfter = 3;

  using OnReport = std::function<void(const Report&)>;

  // All must outlive the pump. `on_report` is called on the thread of step().
  Pump(Outbox& outbox, Destination& destination, ShipperOptions options, const util::Clock& clock,
       OnReport on_report);
  ~Pump();

  // Does what can be done now; at most one delivery. Returns when to call again: a time (at or
  // before now: at once), or empty for "when there are new items".
  std::optional<util::MonotonicTime> step();

  // There may be items again below those already seen: an operator revived dead letters. They are
  // read once what is held has been delivered; no item is sent twice for it. Thread safe.
  void reload();
  // From now on a failure is the end of the agent, not of the destination. Thread safe.
  void stopping();
  ShipperStatus status() const;  // thread safe

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::ship
