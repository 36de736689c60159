#pragma once

#include "util/clock.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace warder::http {

// The value of a Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP date. Seconds may have a
// fraction (some services send it), rounded up. Never negative, at most a day. Empty when it is
// neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, util::WallTime now);

}  // namespace warder::http
