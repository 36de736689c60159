#pragma once

#include "firewall/firewall.h"

namespace warder::firewall {

// Puts nothing into effect (backend = none, dry runs). Says that every change was made, holds and
// lists nothing.
class NoneFirewall : public Firewall {
 public:
  util::Status ensure(std::span<const Scope>) override { return {}; }
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const Visit&) override { return {}; }
  util::Result<Traffic> traffic(const net::Prefix& prefix) override;
  util::Status remove_all() override { return {}; }
  int watch_descriptor() const override { return -1; }
  util::Result<bool> take_outside_change() override { return false; }
};

}  // namespace warder::firewall
