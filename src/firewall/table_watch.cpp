#include "firewall/table_watch.h"

#include "firewall/netlink_channel.h"
#include "firewall/netlink_message.h"
#include "firewall/ruleset.h"

#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <endian.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace warder::firewall {

util::Result<TableWatch> TableWatch::open(std::uint32_t own_port) {
  WARDER_ASSIGN_OR_RETURN(auto socket, open_listener(NETLINK_NETFILTER, 0));
  // The filter loads in network order what netlink writes in the host's.
  std::array<sock_filter, 4> code{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(nlmsghdr, nlmsg_pid)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, htobe32(own_port)},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xFFFFFFFF},
  }};
  const sock_fprog program{code.size(), code.data()};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    return util::errno_error("filtering firewall notifications", errno);
  }
  TableWatch watch;
  watch.doubt_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  watch.events_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const int descriptor : {socket.get(), watch.doubt_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(watch.events_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
      return util::errno_error("waiting for firewall notifications", errno);
    }
  }
  watch.socket_ = std::move(socket);
  watch.buffer_.resize(kNetlinkDatagram);
  WARDER_RETURN_IF_ERROR(watch.join());
  return watch;
}

util::Status TableWatch::leave() {
  WARDER_RETURN_IF_ERROR(leave_group(socket_, NFNLGRP_NFTABLES));
  listens_ = false;
  return {};
}

util::Status TableWatch::join() {
  if (!listens_) {
    WARDER_RETURN_IF_ERROR(join_group(socket_, NFNLGRP_NFTABLES));
    listens_ = true;
  }
  return {};
}

void TableWatch::doubt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(doubt_.get(), &one, sizeof one);
}

bool TableWatch::take() {
  std::uint64_t doubts = 0;
  bool touched = ::read(doubt_.get(), &doubts, sizeof doubts) == sizeof doubts;
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got >= 0) {
      touched =
          touched || touches_table(util::ByteView(buffer_).first(static_cast<std::size_t>(got)));
    } else if (errno == ENOBUFS) {
      touched = true;
    } else if (errno != EINTR) {
      return touched;
    }
  }
}

bool touches_table(util::ByteView datagram) {
  MessageReader reader(datagram);
  while (const auto message = reader.next()) {
    if ((message->type >> 8) != NFNL_SUBSYS_NFTABLES ||
        message->payload.size() < sizeof(nfgenmsg) || message->payload[0] != NFPROTO_INET) {
      continue;
    }
    if ((message->type & 0xFF) == NFT_MSG_NEWGEN) {
      continue;
    }
    // In each kind of message but NEWGEN the first number is the table's name.
    const auto table = find_attribute(message->payload.subspan(sizeof(nfgenmsg)), NFTA_TABLE_NAME);
    if (table && table->name() == kTable) {
      return true;
    }
  }
  return false;
}

}  // namespace warder::firewall
