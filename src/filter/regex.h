#pragma once

#include "util/result.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace re2 {
class RE2;
}

namespace warder::filter {

// Bytes that one compiled expression may use for its program and its automaton.
inline constexpr std::int64_t kRegexMemory = 4 << 20;

// RE2 as this module uses it: lines are bytes (Latin-1, so that no byte of an attacker's choice
// stops a `.`), nothing is written to standard error, memory is bounded. kInvalid with RE2's words.
util::Result<std::unique_ptr<re2::RE2>> compile_regex(std::string_view regex);

}  // namespace warder::filter
