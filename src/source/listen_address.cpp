#include "source/listen_address.h"

#include "util/strings.h"
#include "util/unix_socket.h"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace warder::source {
namespace {

using Kind = ListenAddress::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 3> kSchemes{
    {{"http://", Kind::kHttp}, {"tcp://", Kind::kTcp}, {"unix:", Kind::kUnix}}};
constexpr int kBacklog = 128;

std::string_view example_of(Kind kind) {
  switch (kind) {
    case Kind::kHttp:
      return "http://127.0.0.1:8300/audit";
    case Kind::kTcp:
      return "tcp://127.0.0.1:8301";
    case Kind::kUnix:
      break;
  }
  return "unix:/run/warder/audit.sock";
}

util::Error invalid(std::string_view text, Kind kind, std::string_view why) {
  return {util::ErrorCode::kInvalid,
          fmt::format("'{}' cannot be listened at: {}; write for instance {}",
                      util::printable(text, 120), why, example_of(kind))};
}

// HOST:PORT of this host's loopback, into `address`; why it is none, otherwise empty.
std::string_view parse_loopback(std::string_view text, ListenAddress& address) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return "it names no port";
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port == 0) {
    return "the port is no number from 1 to 65535";
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const auto ip = net::IpAddress::parse(host);
  if (!ip) {
    return "the host is no address";
  }
  address.host = *ip;
  if (ip->is_v4() ? !host.starts_with("127.") : host != "::1") {
    return "who hands lines in there is not asked who he is, so only loopback is possible";
  }
  return {};
}

util::Result<util::Descriptor> listen_at_port(const ListenAddress& address) {
  const bool v4 = address.host.is_v4();
  util::Descriptor fd(
      ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) {
    return util::errno_error("socket", errno);
  }
  const std::string text = address.host.to_string();
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (v4) {
    auto* const to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(address.port);
    ::inet_pton(AF_INET, text.c_str(), &to->sin_addr);
    length = sizeof *to;
  } else {
    auto* const to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, text.c_str(), &to->sin6_addr);
    length = sizeof *to;
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return util::errno_error(fmt::format("listening at {} port {}", text, address.port), errno);
  }
  return fd;
}

util::Result<util::Descriptor> listen_at_path(const ListenAddress& address) {
  util::UnixListener listener;
  listener.path = address.path;
  listener.backlog = kBacklog;
  listener.owner = "program";
  listener.remedy = "stop it, or name another path";
  return util::listen_unix(listener);
}

}  // namespace

bool is_listen_address(std::string_view text) {
  return std::ranges::any_of(kSchemes,
                             [&](const auto& known) { return text.starts_with(known.first); });
}

util::Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto* const scheme = std::ranges::find_if(
      kSchemes, [&](const auto& known) { return text.starts_with(known.first); });
  if (scheme == kSchemes.end()) {
    return invalid(text, Kind::kHttp, "it begins with none of http://, tcp:// and unix:");
  }
  ListenAddress address;
  address.kind = scheme->second;
  std::string_view rest = text.substr(scheme->first.size());
  if (address.kind == Kind::kUnix) {
    if (rest.starts_with("//")) {
      rest.remove_prefix(2);
    }
    address.path = rest;
    if (!rest.starts_with('/') || rest.ends_with('/') ||
        rest.size() >= sizeof sockaddr_un{}.sun_path) {
      return invalid(text, address.kind,
                     "a socket has an absolute path of at most 107 bytes, the name of a file");
    }
    return address;
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  address.path = slash == rest.size() ? "/" : rest.substr(slash);
  if (address.kind == Kind::kTcp && slash != rest.size()) {
    return invalid(text, address.kind, "a stream of lines has no path");
  }
  if (const std::string_view why = parse_loopback(rest.substr(0, slash), address); !why.empty()) {
    return invalid(text, address.kind, why);
  }
  return address;
}

util::Result<util::Descriptor> listen_at(const ListenAddress& address) {
  return address.kind == Kind::kUnix ? listen_at_path(address) : listen_at_port(address);
}

}  // namespace warder::source
