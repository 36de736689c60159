#include "filter/json_address.h"

#include "util/strings.h"

#include <algorithm>
#include <optional>

namespace warder::filter {
namespace {

bool is_proxy(const net::IpAddress& address, const std::vector<net::Prefix>& proxies) {
  return std::any_of(proxies.begin(), proxies.end(),
                     [&](const net::Prefix& proxy) { return proxy.contains(address); });
}

// An address, or one with its port as programs write peers: 192.0.2.1:40022, [2001:db8::1]:40022.
std::optional<net::IpAddress> parse_peer(std::string_view text) {
  if (const auto address = net::IpAddress::parse(text)) {
    return *address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  text = text.substr(0, colon);
  const bool brackets = text.starts_with('[') && text.ends_with(']');
  if (brackets) {
    text = text.substr(1, text.size() - 2);
  }
  const auto address = net::IpAddress::parse(text);
  // Without brackets the colon could belong to the address.
  return address && brackets == (text.find(':') != std::string_view::npos) ? std::optional(*address)
                                                                           : std::nullopt;
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
  const auto offender = parse_peer(*stated);
  if (!offender) {
    return nobody(NoticeKind::kBadAddress, *stated);
  }
  if (is_proxy(*offender, proxies)) {
    return origin.peer ? behind_proxies(origin, *stated, proxies)
                       : nobody(NoticeKind::kProxyAddress, *stated);
  }
  if (origin.peer && origin.address && parse_peer(*origin.address) != offender) {
    return {offender, Notice{NoticeKind::kForwarded, *stated}};
  }
  return {offender, std::nullopt};
}

}  // namespace warder::filter
