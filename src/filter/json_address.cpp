#include "filter/json_address.h"

#include "util/strings.h"

#include <algorithm>

namespace warder::filter {
namespace {

bool is_proxy(const net::IpAddress& address, const std::vector<net::Prefix>& proxies) {
  return std::any_of(proxies.begin(), proxies.end(),
                     [&](const net::Prefix& proxy) { return proxy.contains(address); });
}

JsonOffender nobody(NoticeKind kind, std::string_view subject) {
  return {std::nullopt, Notice{kind, subject}};
}

// `peer` is a proxy of ours, as written.
JsonOffender behind_proxies(const JsonOrigin& origin, std::string_view peer,
                            const std::vector<net::Prefix>& proxies) {
  for (auto line = origin.forwarded.rbegin(); line != origin.forwarded.rend(); ++line) {
    std::string_view rest = *line;
    while (true) {
      const std::size_t comma = rest.rfind(',');
      const bool is_first = comma == std::string_view::npos;
      const std::string_view entry = util::trim(is_first ? rest : rest.substr(comma + 1));
      const auto address = net::IpAddress::parse(entry);
      if (!address) {
        return nobody(NoticeKind::kBadAddress, entry);
      }
      if (!is_proxy(*address, proxies)) {
        return {address, std::nullopt};
      }
      if (is_first) {
        break;
      }
      rest = rest.substr(0, comma);
    }
  }
  return nobody(NoticeKind::kProxyAddress, peer);
}

}  // namespace

JsonOffender find_offender(const JsonOrigin& origin, const std::vector<net::Prefix>& proxies) {
  const auto& stated = origin.peer ? origin.peer : origin.address;
  if (!stated) {
    return nobody(NoticeKind::kNoAddress, {});
  }
  const auto offender = net::IpAddress::parse(*stated);
  if (!offender) {
    return nobody(NoticeKind::kBadAddress, *stated);
  }
  if (is_proxy(*offender, proxies)) {
    return origin.peer ? behind_proxies(origin, *stated, proxies)
                       : nobody(NoticeKind::kProxyAddress, *stated);
  }
  if (origin.peer && origin.address && net::IpAddress::parse(*origin.address) != offender) {
    return {offender, Notice{NoticeKind::kForwarded, *stated}};
  }
  return {offender, std::nullopt};
}

}  // namespace warder::filter
