#pragma once

#include "filter/notice.h"
#include "net/address.h"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace warder::filter {

// What a line says about who sent the request. Views into the line.
struct JsonOrigin {
  // The first of the filter's `address` fields that is there; empty optional: none is.
  std::optional<std::string_view> address;
  // Of the `peer` field.
  std::optional<std::string_view> peer;
  // The texts of the `forwarded` field, each a comma separated list, the nearest hop last.
  std::span<const std::string_view> forwarded;
};

struct JsonOffender {
  std::optional<net::IpAddress> address;
  std::optional<Notice> notice;  // its subject is a view into the line
};

// Whom to blame. Headers are written by whoever sends the request, so:
//   - the peer of the connection is the offender, whatever headers or fields made of headers say;
//     if they name another, and the web server believed them, that is worth a notice;
//   - only if the peer is one of our proxies, the list it reports is read from its end, our own
//     proxies skipped, up to the first other address. What is no address there ends the search:
//     beyond it everything may be forged;
//   - a proxy of ours is never the offender.
// Where the line has no peer, its `address` is all there is.
JsonOffender find_offender(const JsonOrigin& origin, const std::vector<net::Prefix>& proxies);

}  // namespace warder::filter
