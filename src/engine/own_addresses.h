#pragma once

#include "net/address.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <vector>

namespace warder::engine {

// The addresses of this host's interfaces, in the network namespace of the process.
util::Result<std::vector<net::Prefix>> own_addresses();

// Says when they change (rtnetlink(7)). Pipeline thread only.
class AddressWatch {
 public:
  static util::Result<AddressWatch> open();
  // Readable when something changed.
  int descriptor() const { return socket_.get(); }
  // Drains what was said.
  void take();

 private:
  explicit AddressWatch(util::Descriptor socket) : socket_(std::move(socket)) {}
  util::Descriptor socket_;
};

}  // namespace warder::engine
