#pragma once

#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstdint>

namespace warder::firewall {

// Hears of changes that others make to our table (netlink group NFNLGRP_NFTABLES). Notifications of
// our own transactions are thrown away inside the kernel by a socket filter on the originator's
// port, so that a million adds do not drown it.
class TableWatch {
 public:
  // `own_port`: the socket through which we change the table.
  static util::Result<TableWatch> open(std::uint32_t own_port);

  int descriptor() const { return socket_.get(); }
  // Reads what is there. True when our table was touched, or when notifications were lost.
  bool take();

 private:
  explicit TableWatch(util::Descriptor socket);

  util::Descriptor socket_;
  util::Bytes buffer_;
};

// Does a datagram of notifications tell of a change to our table?
bool touches_table(util::ByteView datagram);

}  // namespace warder::firewall
