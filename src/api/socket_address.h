#pragma once

#include "util/result.h"

#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>

namespace warder::api {

// A path in the form that bind(2) and connect(2) take.
struct SocketAddress {
  sockaddr_un name{};

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&name); }
  socklen_t size() const { return sizeof name; }
};

// kInvalid when the path does not fit (107 bytes, unix(7)).
util::Result<SocketAddress> socket_address(const std::filesystem::path& path);

}  // namespace warder::api
