#pragma once

#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace warder::firewall {

// A datagram that answers for one element is shorter: names, key, times, counter and the comment of
// whoever put it in come to 600 bytes at most.
constexpr std::size_t kShortDatagram = 1024;

// A netlink socket for requests and their answers. The kernel works a request off within send(), so
// that answers are there when it returns; a dump goes on with each receive(). An interface so that
// tests can corrupt a request, lose an answer or fail. One thread at a time.
class Channel {
 public:
  virtual ~Channel() = default;
  // 0 or errno.
  virtual int send(util::ByteView datagram) = 0;
  // Takes one datagram that is there, without waiting. 0 or errno: EAGAIN when there is none,
  // ENOBUFS when some were lost for want of room. `length` is only set with 0.
  virtual int receive(std::span<std::uint8_t> buffer, std::size_t& length) = 0;
  // Takes short datagrams that are there, without waiting, the n-th to n * kShortDatagram of
  // `buffer`; `lengths` gets theirs, 0 for one that is not the kernel's. One that is longer comes
  // cut. Errors as above. Here: one at a time, by receive().
  virtual int receive_short(std::span<std::uint8_t> buffer, std::vector<std::size_t>& lengths);
  // The address of this socket: notifications carry that of their originator.
  virtual std::uint32_t port() const = 0;
};

// Large enough for what the kernel puts into one datagram of a dump (32 KiB).
constexpr std::size_t kNetlinkDatagram = 64 * 1024;

// Binds a socket of `protocol` (NETLINK_NETFILTER, ...) in the current network namespace. kDenied,
// kUnavailable (the kernel has no such protocol).
util::Result<std::unique_ptr<Channel>> open_channel(int protocol);

// A non-blocking netlink socket of `protocol` that listens to the groups of a bit mask
// (RTMGRP_...), or to nothing when it is zero.
util::Result<util::Descriptor> open_listener(int protocol, std::uint32_t groups);

// Adds or drops a group by its number (NFNLGRP_...).
util::Status join_group(const util::Descriptor& socket, int group);
util::Status leave_group(const util::Descriptor& socket, int group);

}  // namespace warder::firewall
