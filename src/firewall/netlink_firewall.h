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
  // The most elements in each set (a scope and a prefix length), enforced by the kernel, so that no
  // number of bans exhausts its memory. A set takes 16 bytes of it for each possible element as
  // soon as it is made, an element that is there some 200 more.
  std::uint32_t max_elements = 262'144;
  BlockType block_type = BlockType::kDrop;
  // Whether each element has a counter, which is more than half of what adding it costs.
  bool counters = true;
};

class Channel;

// The kernel's nf_tables, table `inet warder`, by raw netlink in the network namespace in which the
// object is made. Needs CAP_NET_ADMIN there. Layout of the table: README.md of this folder. Calls
// return as fast as the kernel answers; list() opens a further socket in the namespace of the
// calling thread. Does not know any never-ban list: see GuardedFirewall.
class NetlinkFirewall : public Firewall {
 public:
  // kDenied without CAP_NET_ADMIN, kUnavailable without nf_tables. `clock` must outlive the object.
  static util::Result<std::unique_ptr<NetlinkFirewall>> open(const util::Clock& clock,
                                                             const NetlinkOptions& options = {});
  // With a channel of the caller's, for tests that disturb it.
  static util::Result<std::unique_ptr<NetlinkFirewall>> open(const util::Clock& clock,
                                                             const NetlinkOptions& options,
                                                             std::unique_ptr<Channel> channel);
  ~NetlinkFirewall() override;
  NetlinkFirewall(const NetlinkFirewall&) = delete;
  NetlinkFirewall& operator=(const NetlinkFirewall&) = delete;

  util::Status ensure(std::span<const Scope> scopes) override;
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const Visit& visit) override;
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
