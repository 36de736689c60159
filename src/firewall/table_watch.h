#pragma once

#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstdint>

namespace warder::firewall {

// Hears of changes that others make to our table (netlink group NFNLGRP_NFTABLES). Notifications of
// our own transactions are thrown away inside the kernel by a socket filter on the originator's
// port. They are composed before they are thrown away, which costs more than adding an element
// does, unless nobody listens: hence leave() and join() for who has many elements to put in, and
// can tell by the generation whether somebody else did something meanwhile.
class TableWatch {
 public:
  // `own_port`: the socket through which we change the table.
  static util::Result<TableWatch> open(std::uint32_t own_port);

  // Readable when take() has something to do.
  int descriptor() const { return events_.get(); }
  // Reads what is there. True when our table was touched, when notifications were lost, or after
  // doubt().
  bool take();

  // Hears nothing until join(). What was heard before is still there.
  util::Status leave();
  // Hears again; nothing happens when it does already.
  util::Status join();
  // The table may have been touched unheard.
  void doubt();

 private:
  TableWatch() = default;

  util::Descriptor socket_;
  util::Descriptor doubt_;   // an eventfd
  util::Descriptor events_;  // polls both
  util::Bytes buffer_;
  bool listens_ = false;
};

// Does a datagram of notifications tell of a change to our table?
bool touches_table(util::ByteView datagram);

}  // namespace warder::firewall
