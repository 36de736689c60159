#pragma once

#include "filter/char_class.h"
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

// RE2 as this module uses it: nothing is written to standard error, memory is bounded. Text is
// bytes (Latin-1) but for kUtf8. kInvalid with RE2's words.
util::Result<std::unique_ptr<re2::RE2>> compile_regex(std::string_view regex,
                                                      RegexText text = RegexText::kAscii);

}  // namespace warder::filter
