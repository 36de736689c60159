#include "firewall/netlink_channel.h"

#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace warder::firewall {
namespace {

// Room for a transaction on its way in and for an error on each of its messages on the way back.
constexpr int kBufferBytes = 4 * 1024 * 1024;

util::Error socket_error(int error) {
  if (error == EPROTONOSUPPORT || error == EAFNOSUPPORT) {
    return {util::ErrorCode::kUnavailable,
            "the kernel does not offer this kind of netlink socket; load the module nfnetlink"};
  }
  return util::errno_error("netlink socket", error);
}

class KernelChannel : public Channel {
 public:
  KernelChannel(util::Descriptor socket, std::uint32_t port)
      : socket_(std::move(socket)), port_(port) {}

  int send(util::ByteView datagram) override {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent = 0;
    do {
      sent = ::sendto(socket_.get(), datagram.data(), datagram.size(), 0,
                      reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
  }

  int receive(std::span<std::uint8_t> buffer, std::size_t& length) override {
    for (;;) {
      sockaddr_nl from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return errno;
      }
      // Other processes may send to our port; only the kernel is believed.
      if (from.nl_pid == 0) {
        length = static_cast<std::size_t>(got);
        return 0;
      }
    }
  }

  // A call for each would be a quarter of what a look-up costs.
  int receive_short(std::span<std::uint8_t> buffer, std::vector<std::size_t>& lengths) override {
    lengths.clear();
    const std::size_t room = std::min(buffer.size() / kShortDatagram, kMostAtOnce);
    std::array<mmsghdr, kMostAtOnce> messages{};
    std::array<iovec, kMostAtOnce> places;
    std::array<sockaddr_nl, kMostAtOnce> from;
    for (std::size_t i = 0; i < room; ++i) {
      places[i] = {buffer.data() + i * kShortDatagram, kShortDatagram};
      messages[i].msg_hdr.msg_name = &from[i];
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
      messages[i].msg_hdr.msg_iov = &places[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    int got = 0;
    do {
      got = ::recvmmsg(socket_.get(), messages.data(), static_cast<unsigned>(room), MSG_DONTWAIT,
                       nullptr);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      return errno;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      lengths.push_back(from[i].nl_pid == 0 ? messages[i].msg_len : 0);
    }
    return 0;
  }

  std::uint32_t port() const override { return port_; }

 private:
  static constexpr std::size_t kMostAtOnce = kNetlinkDatagram / kShortDatagram;

  util::Descriptor socket_;
  std::uint32_t port_;
};

}  // namespace

int Channel::receive_short(std::span<std::uint8_t> buffer, std::vector<std::size_t>& lengths) {
  lengths.clear();
  std::size_t length = 0;
  const int error = receive(buffer, length);
  if (error == 0) {
    lengths.push_back(length);
  }
  return error;
}

util::Result<util::Descriptor> open_listener(int protocol, std::uint32_t groups) {
  util::Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!socket) {
    return socket_error(errno);
  }
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return socket_error(errno);
  }
  return socket;
}

util::Result<std::unique_ptr<Channel>> open_channel(int protocol) {
  WARDER_ASSIGN_OR_RETURN(auto socket, open_listener(protocol, 0));
  // FORCE goes past the limits of sysctl and needs CAP_NET_ADMIN; where it is missing the plain
  // option gives what is allowed, and the first request tells what is wrong.
  const int size = kBufferBytes;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  // An error need not bring the whole request back.
  const int on = 1;
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl own{};
  socklen_t length = sizeof own;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &length) != 0) {
    return socket_error(errno);
  }
  return std::unique_ptr<Channel>(std::make_unique<KernelChannel>(std::move(socket), own.nl_pid));
}

util::Status join_group(const util::Descriptor& socket, int group) {
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return util::errno_error("listening to netlink notifications", errno);
  }
  return {};
}

util::Status leave_group(const util::Descriptor& socket, int group) {
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof group) != 0) {
    return util::errno_error("not listening to netlink notifications", errno);
  }
  return {};
}

}  // namespace warder::firewall
