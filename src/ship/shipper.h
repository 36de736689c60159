#pragma once

#include "ship/destination.h"
#include "ship/outbox.h"
#include "ship/pump.h"
#include "util/clock.h"

#include <memory>
#include <string>

namespace warder::ship {

// A pump with a thread of its own: one a destination, so that none waits for another.
class Shipper {
 public:
  // Starts the thread. Takes the destination and the outbox over; `clock` must outlive it.
  // `on_report` is called on the thread.
  Shipper(std::unique_ptr<Outbox> outbox, std::unique_ptr<Destination> destination,
          ShipperOptions options, const util::Clock& clock, Pump::OnReport on_report);
  // stop()
  ~Shipper();
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  // There are new items (after the commit). Cheap; thread safe.
  void notify();
  // Dead letters were revived (after the commit): Pump::reload(). notify() alone would not find
  // them.
  void reload();
  // Cancels a running request and joins. What is not acknowledged stays in the outbox.
  void stop();
  ShipperStatus status() const;
  const std::string& name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::ship
