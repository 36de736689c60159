#include "firewall/helper_client.h"
#include "util/unix_socket.h"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace warder::firewall {

HelperConnector connect_to(std::filesystem::path path) {
  return [path = std::move(path)]() -> util::Result<util::Descriptor> {
    WARDER_ASSIGN_OR_RETURN(const util::UnixAddress address, util::unix_address(path));
    util::Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      return util::errno_error("making a socket", errno);
    }
    if (::connect(socket.get(), address.generic(), address.size()) != 0) {
      const util::Error error = util::errno_error(path.string(), errno);
      return util::Error(util::ErrorCode::kUnavailable,
                         error.message() + "; is warder-firewall.service running?");
    }
    return socket;
  };
}

}  // namespace warder::firewall
