#pragma once

#include "net/address.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace warder::filter {

// Finding::text is cut to this; captured values too.
inline constexpr std::size_t kLongestText = 2048;

struct MatcherOptions {
  // Our own list of proxies whose word about the client is taken (JSON logs), and which are never
  // found themselves.
  std::vector<net::Prefix> trusted_proxies;
  // Zone of dates that name none: a fixed offset east of UTC, or the system's zone with its rules.
  std::optional<std::chrono::seconds> utc_offset;
};

}  // namespace warder::filter
