#pragma once

#include "firewall/netlink_channel.h"
#include "firewall/netlink_message.h"
#include "net/address.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <memory>
#include <vector>

namespace warder::firewall {

// The addresses of this host's interfaces and its default gateways, from rtnetlink(7), in the
// network namespace in which the object is made. One thread at a time.
class HostAddresses {
 public:
  static util::Result<HostAddresses> open();

  // Asks the kernel again when it said that something changed since the last call. A change that
  // happened before the call is seen.
  util::Status refresh();

  const std::vector<net::IpAddress>& own() const { return own_; }
  const std::vector<net::IpAddress>& gateways() const { return gateways_; }

 private:
  HostAddresses() = default;
  bool take_notifications();
  util::Status read(std::uint16_t kind, std::uint8_t family);

  std::unique_ptr<Channel> channel_;
  util::Descriptor listener_;
  util::Bytes buffer_;
  std::uint32_t sequence_ = 0;
  bool is_current_ = false;
  std::vector<net::IpAddress> own_;
  std::vector<net::IpAddress> gateways_;
};

// The address in an RTM_NEWADDR message, if there is one.
std::optional<net::IpAddress> address_of(const Message& message);
// The gateways in an RTM_NEWROUTE message of a default route; none for other routes.
std::vector<net::IpAddress> default_gateways_of(const Message& message);

}  // namespace warder::firewall
