#include "engine/own_addresses.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace warder::engine {

util::Result<std::vector<net::Prefix>> own_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return util::errno_error("reading this host's addresses", errno);
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<net::Prefix> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) {
      continue;
    }
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      addresses.emplace_back(net::IpAddress::v4(ntohl(address.sin_addr.s_addr)));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      addresses.emplace_back(net::IpAddress::v6(bytes));
    }
  }
  return addresses;
}

util::Result<AddressWatch> AddressWatch::open() {
  util::Descriptor socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) {
    return util::errno_error("watching this host's addresses", errno);
  }
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  name.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return util::errno_error("watching this host's addresses", errno);
  }
  return AddressWatch(std::move(socket));
}

void AddressWatch::take() {
  char buffer[8192];
  // ENOBUFS only says that more changed than was told: the list is read anew in any case.
  while (::recv(socket_.get(), buffer, sizeof buffer, 0) > 0 || errno == ENOBUFS ||
         errno == EINTR) {
  }
}

}  // namespace warder::engine
