#include "api/socket_address.h"

#include <fmt/core.h>

#include <cstring>

namespace warder::api {

util::Result<SocketAddress> socket_address(const std::filesystem::path& path) {
  SocketAddress address;
  address.name.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof address.name.sun_path) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("'{}' cannot name a socket: 1 to {} bytes are allowed", text,
                                   sizeof address.name.sun_path - 1));
  }
  std::memcpy(address.name.sun_path, text.data(), text.size());
  return address;
}

}  // namespace warder::api
