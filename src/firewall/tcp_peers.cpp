#include "firewall/tcp_peers.h"

#include "firewall/netlink_channel.h"
#include "firewall/netlink_message.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <cerrno>
#include <cstring>
#include <endian.h>
#include <sys/socket.h>

namespace warder::firewall {
namespace {

constexpr std::uint32_t kEstablished = 1U << 1U;  // TCP_ESTABLISHED
constexpr std::uint8_t kTcp = 6;

using Visit = std::function<void(std::uint16_t, const net::IpAddress&)>;

void read_peer(const Message& message, const Visit& visit) {
  inet_diag_msg socket{};
  if (message.type != SOCK_DIAG_BY_FAMILY || message.payload.size() < sizeof socket) {
    return;
  }
  std::memcpy(&socket, message.payload.data(), sizeof socket);
  const std::size_t size = socket.idiag_family == AF_INET ? 4 : 16;
  const std::string_view bytes(reinterpret_cast<const char*>(socket.id.idiag_dst), size);
  if (const auto remote = net::IpAddress::from_bytes(bytes)) {
    visit(be16toh(socket.id.idiag_sport), *remote);
  }
}

util::Status read_family(std::uint8_t family, const Visit& visit) {
  WARDER_ASSIGN_OR_RETURN(auto channel, open_channel(NETLINK_SOCK_DIAG));
  MessageWriter request;
  request.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, family);
  inet_diag_req_v2 wanted{};
  wanted.sdiag_family = family;
  wanted.sdiag_protocol = kTcp;
  wanted.idiag_states = kEstablished;
  request.header({reinterpret_cast<const std::uint8_t*>(&wanted), sizeof wanted});
  int error = channel->send(request.finish());
  util::Bytes buffer(kNetlinkDatagram);
  while (error == 0) {
    std::size_t length = 0;
    error = channel->receive(buffer, length);
    MessageReader reader(util::ByteView(buffer).first(error == 0 ? length : 0));
    while (const auto message = reader.next()) {
      if (message->type == NLMSG_DONE) {
        return {};
      }
      if (const auto code = error_of(*message)) {
        error = *code == 0 ? EIO : *code;
      }
      read_peer(*message, visit);
    }
  }
  return util::errno_error("reading the TCP connections of this host (inet_diag)", error);
}

}  // namespace

util::Status visit_tcp_peers(const Visit& visit) {
  for (const int family : {AF_INET, AF_INET6}) {
    WARDER_RETURN_IF_ERROR(read_family(static_cast<std::uint8_t>(family), visit));
  }
  return {};
}

}  // namespace warder::firewall
