#pragma once

#include "util/clock.h"

#include <string>

namespace warder::util {

// "Mon, 02 Nov 2026 12:00:00", in UTC: what the dates of HTTP (RFC 9110 section 5.6.7) and of mail
// (RFC 5322 section 3.3) have in common. The zone is the caller's to add: " GMT" or " +0000".
std::string format_day_time(WallTime time);

}  // namespace warder::util
