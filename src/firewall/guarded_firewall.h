#pragma once

#include "firewall/firewall.h"
#include "firewall/protection.h"

namespace warder::firewall {

// Refuses what must never be banned, and takes it out of the kernel should it be there (the
// never-ban list or the host's addresses changed); passes the rest on. The helper puts it round its
// NetlinkFirewall, so that no caller can get past it; a process that holds CAP_NET_ADMIN itself
// uses the same.
class GuardedFirewall : public Firewall {
 public:
  // Both must outlive this object.
  GuardedFirewall(Firewall& inner, Protection& protection)
      : inner_(inner), protection_(protection) {}

  util::Status ensure(std::span<const Scope> scopes) override { return inner_.ensure(scopes); }
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const Visit& visit) override { return inner_.list(visit); }
  util::Result<Traffic> traffic(const net::Prefix& prefix) override {
    return inner_.traffic(prefix);
  }
  util::Status remove_all() override { return inner_.remove_all(); }
  int watch_descriptor() const override { return inner_.watch_descriptor(); }
  util::Result<bool> take_outside_change() override { return inner_.take_outside_change(); }

 private:
  Firewall& inner_;
  Protection& protection_;
};

}  // namespace warder::firewall
