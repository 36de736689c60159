#pragma once

#include "firewall/firewall.h"

#include <memory>

namespace warder::firewall {

// What happens to a packet of a banned address.
enum class BlockType : std::uint8_t {
  kDrop,    // nothing is answered
  kReject,  // ICMP "administratively prohibited"
};

struct NetlinkOptions {
  // Elements in all sets together, so that no number of bans exhausts the kernel's memory (about
  // 200 bytes each and 32 bytes a processor for its counter).
  std::uint64_t max_elements = 2'000'000;
  BlockType block_type = BlockType::kDrop;
};

class Channel;

// The kernel's nf_tables, table `inet warder`, by raw netlink in the network namespace in which the
// object is made. Needs CAP_NET_ADMIN there. Layout of the table: README.md of this folder. Calls
// return as fast as the kernel answers. Does not know any never-ban list: see GuardedFirewall.
class NetlinkFirewall : public Firewall {
 public:
  // kDenied without CAP_NET_ADMIN, kUnavailable without nf_tables. `clock` must outlive the object.
  static util::Result<std::unique_ptr<NetlinkFirewall>> open(const util::Clock& clock,
                                                             const NetlinkOptions& options = {});
  ~NetlinkFirewall() override;
  NetlinkFirewall(const NetlinkFirewall&) = delete;
  NetlinkFirewall& operator=(const NetlinkFirewall&) = delete;

  util::Status ensure(std::span<const Scope> scopes) override;
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const std::function<void(const Element&)>& visit) override;
  util::Result<Traffic> traffic(const net::Prefix& prefix) override;
  util::Status remove_all() override;
  int watch_descriptor() const override;
  util::Result<bool> take_outside_change() override;

 private:
  struct State;
  explicit NetlinkFirewall(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace warder::firewall
