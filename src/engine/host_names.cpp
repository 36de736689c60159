#include "engine/host_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

namespace warder::engine {

util::Result<std::vector<net::IpAddress>> look_up_host(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (const int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &raw); failed != 0) {
    return util::Error(
        failed == EAI_NONAME ? util::ErrorCode::kNotFound : util::ErrorCode::kUnavailable,
        fmt::format("{}: {}", name, ::gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, ::freeaddrinfo);
  std::vector<net::IpAddress> addresses;
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    std::string_view bytes;
    if (one->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      bytes = {reinterpret_cast<const char*>(&v4->sin_addr), sizeof v4->sin_addr};
    } else if (one->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      bytes = {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof v6->sin6_addr};
    } else {
      continue;
    }
    WARDER_ASSIGN_OR_RETURN(const net::IpAddress address, net::IpAddress::from_bytes(bytes));
    addresses.push_back(address);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

void bound_resolver_of_this_thread() {
  if (::res_init() == 0) {
    _res.retrans = 2;
    _res.retry = 1;
  }
}

bool is_host_name(std::string_view text) {
  constexpr std::size_t kLongestName = 253;
  constexpr std::size_t kLongestLabel = 63;
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > kLongestName) {
    return false;
  }
  std::size_t label = 0;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (c == '.' ? label == 0 : !plain && (c != '-' || label == 0)) {
      return false;
    }
    label = c == '.' ? 0 : label + 1;
    if (label > kLongestLabel) {
      return false;
    }
  }
  return label > 0;
}

}  // namespace warder::engine
