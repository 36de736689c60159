#include "firewall/open_firewall.h"

#include "firewall/guarded_firewall.h"
#include "firewall/helper_client.h"
#include "firewall/none_firewall.h"

#include <utility>

namespace warder::firewall {
namespace {

// The kernel in this process, behind the same never-ban list that the helper has.
class DirectFirewall : public Firewall {
 public:
  DirectFirewall(std::unique_ptr<NetlinkFirewall> kernel, std::unique_ptr<Protection> protection)
      : kernel_(std::move(kernel)),
        protection_(std::move(protection)),
        guarded_(*kernel_, *protection_) {}

  util::Status ensure(std::span<const Scope> scopes) override { return guarded_.ensure(scopes); }
  util::Result<ApplyReport> apply(std::span<const Change> changes) override {
    return guarded_.apply(changes);
  }
  util::Status list(const Visit& visit) override { return guarded_.list(visit); }
  util::Result<Traffic> traffic(const net::Prefix& prefix) override {
    return guarded_.traffic(prefix);
  }
  util::Status remove_all() override { return guarded_.remove_all(); }
  int watch_descriptor() const override { return guarded_.watch_descriptor(); }
  util::Result<bool> take_outside_change() override { return guarded_.take_outside_change(); }

 private:
  const std::unique_ptr<NetlinkFirewall> kernel_;
  const std::unique_ptr<Protection> protection_;
  GuardedFirewall guarded_;
};

}  // namespace

util::Result<std::unique_ptr<Firewall>> open_firewall(const Options& options,
                                                      const util::Clock& clock) {
  switch (options.backend) {
    case Backend::kNone:
      return std::unique_ptr<Firewall>(std::make_unique<NoneFirewall>());
    case Backend::kNftables: {
      WARDER_ASSIGN_OR_RETURN(auto kernel, NetlinkFirewall::open(clock, options.netlink));
      WARDER_ASSIGN_OR_RETURN(auto protection, Protection::open(options.protection));
      return std::unique_ptr<Firewall>(
          std::make_unique<DirectFirewall>(std::move(kernel), std::move(protection)));
    }
    case Backend::kHelper:
      break;
  }
  return std::unique_ptr<Firewall>(
      std::make_unique<HelperClient>(connect_to(options.helper_socket), clock));
}

}  // namespace warder::firewall
