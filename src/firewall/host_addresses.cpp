#include "firewall/host_addresses.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace warder::firewall {
namespace {

constexpr int kAttempts = 5;

template <typename Header>
bool read_header(const Message& message, Header& header, util::ByteView& attributes) {
  if (message.payload.size() < sizeof header) {
    return false;
  }
  std::memcpy(&header, message.payload.data(), sizeof header);
  const std::size_t behind =
      std::min<std::size_t>(NLMSG_ALIGN(sizeof header), message.payload.size());
  attributes = message.payload.subspan(behind);
  return true;
}

void append_address(util::ByteView bytes, std::vector<net::IpAddress>& into) {
  if (const auto address = net::IpAddress::from_bytes(util::as_text(bytes))) {
    into.push_back(*address);
  }
}

// RTA_VIA: a gateway of another family than the route, two bytes of family before it.
void append_via(util::ByteView bytes, std::vector<net::IpAddress>& into) {
  if (bytes.size() > 2) {
    append_address(bytes.subspan(2), into);
  }
}

void append_gateways(util::ByteView attributes, std::vector<net::IpAddress>& into) {
  AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    if (attribute->type == RTA_GATEWAY) {
      append_address(attribute->data, into);
    } else if (attribute->type == RTA_VIA) {
      append_via(attribute->data, into);
    } else if (attribute->type == RTA_MULTIPATH) {
      util::ByteView hops = attribute->data;
      while (hops.size() >= sizeof(rtnexthop)) {
        rtnexthop hop{};
        std::memcpy(&hop, hops.data(), sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) {
          break;
        }
        append_gateways(hops.subspan(sizeof hop, hop.rtnh_len - sizeof hop), into);
        hops = hops.subspan(std::min<std::size_t>(NLMSG_ALIGN(hop.rtnh_len), hops.size()));
      }
    }
  }
}

bool concerns_us(const Message& message) {
  if (message.type == RTM_NEWADDR || message.type == RTM_DELADDR) {
    return true;
  }
  rtmsg route{};
  util::ByteView attributes;
  return (message.type == RTM_NEWROUTE || message.type == RTM_DELROUTE) &&
         read_header(message, route, attributes) && route.rtm_dst_len == 0;
}

}  // namespace

std::optional<net::IpAddress> address_of(const Message& message) {
  ifaddrmsg header{};
  util::ByteView attributes;
  if (message.type != RTM_NEWADDR || !read_header(message, header, attributes)) {
    return std::nullopt;
  }
  // On a point-to-point link IFA_ADDRESS is the other end, IFA_LOCAL ours.
  auto attribute = find_attribute(attributes, IFA_LOCAL);
  if (!attribute) {
    attribute = find_attribute(attributes, IFA_ADDRESS);
  }
  if (!attribute) {
    return std::nullopt;
  }
  const auto address = net::IpAddress::from_bytes(util::as_text(attribute->data));
  return address ? std::optional(*address) : std::nullopt;
}

std::vector<net::IpAddress> default_gateways_of(const Message& message) {
  std::vector<net::IpAddress> gateways;
  rtmsg header{};
  util::ByteView attributes;
  if (message.type == RTM_NEWROUTE && read_header(message, header, attributes) &&
      header.rtm_dst_len == 0) {
    append_gateways(attributes, gateways);
  }
  return gateways;
}

util::Result<HostAddresses> HostAddresses::open() {
  HostAddresses host;
  WARDER_ASSIGN_OR_RETURN(host.channel_, open_channel(NETLINK_ROUTE));
  WARDER_ASSIGN_OR_RETURN(host.listener_,
                          open_listener(NETLINK_ROUTE, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                                           RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE));
  host.buffer_.resize(kNetlinkDatagram);
  return host;
}

// True when something may have changed.
bool HostAddresses::take_notifications() {
  bool changed = false;
  for (;;) {
    const ssize_t got = ::recv(listener_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got >= 0) {
      MessageReader reader(util::ByteView(buffer_).first(static_cast<std::size_t>(got)));
      while (const auto message = reader.next()) {
        changed = changed || concerns_us(*message);
      }
    } else if (errno == ENOBUFS) {
      changed = true;
    } else if (errno != EINTR) {
      return changed;
    }
  }
}

util::Status HostAddresses::read(std::uint16_t kind, std::uint8_t family) {
  MessageWriter request;
  const std::uint32_t sequence = ++sequence_;
  request.begin(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  if (kind == RTM_GETADDR) {
    ifaddrmsg header{};
    header.ifa_family = family;
    request.header({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
  } else {
    rtmsg header{};
    header.rtm_family = family;
    request.header({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
  }
  if (const int error = channel_->send(request.finish()); error != 0) {
    return util::errno_error("reading the host's addresses", error);
  }
  for (;;) {
    std::size_t length = 0;
    if (const int error = channel_->receive(buffer_, length); error != 0) {
      return util::errno_error("reading the host's addresses", error);
    }
    MessageReader reader(util::ByteView(buffer_).first(length));
    while (const auto message = reader.next()) {
      if (message->sequence != sequence) {
        continue;
      }
      if (message->type == NLMSG_DONE) {
        return {};
      }
      if (const auto error = error_of(*message)) {
        return util::errno_error("reading the host's addresses", *error);
      }
      if (const auto address = address_of(*message)) {
        own_.push_back(*address);
      }
      for (const net::IpAddress& gateway : default_gateways_of(*message)) {
        gateways_.push_back(gateway);
      }
    }
  }
}

util::Status HostAddresses::refresh() {
  util::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (take_notifications()) {
      is_current_ = false;
    }
    if (is_current_) {
      return {};
    }
    own_.clear();
    gateways_.clear();
    status = read(RTM_GETADDR, AF_UNSPEC);
    for (const int family : {AF_INET, AF_INET6}) {
      if (status) {
        status = read(RTM_GETROUTE, static_cast<std::uint8_t>(family));
      }
    }
    is_current_ = status.has_value();
  }
  return is_current_ ? util::Status() : status;
}

}  // namespace warder::firewall
