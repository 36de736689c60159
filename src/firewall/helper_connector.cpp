#include "firewall/helper_client.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace warder::firewall {
HelperConnector connect_to(std::filesystem::path path) {
  return [path = path.string()]() -> util::Result<util::Descriptor> {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("the socket path '{}' is too long", path));
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    util::Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      return util::errno_error("making a socket", errno);
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const util::Error error = util::errno_error(path, errno);
      return util::Error(util::ErrorCode::kUnavailable,
                         error.message() + "; is warder-firewall.service running?");
    }
    return socket;
  };
}

}  // namespace warder::firewall
