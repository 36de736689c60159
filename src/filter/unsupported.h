#pragma once

#include "util/result.h"

#include <string_view>

namespace warder::filter {

// Refuses what Python's regular expressions have and RE2 has not: kInvalid names the construct, its
// column and how the same can be said without it. Constructs that only RE2 objects to (a repetition
// above 1000) are left to RE2's own message.
util::Status check_supported(std::string_view regex);

}  // namespace warder::filter
