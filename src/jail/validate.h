#pragma once

#include "jail/options.h"
#include "util/result.h"

#include <string_view>
#include <vector>

namespace warder::jail {

// Are the options within the bounds that options.h gives? kInvalid names the option.
util::Status validate(const JailOptions& options);

// Are the steps in order and within the family's bounds? `base` is the length that sources have.
util::Status validate_widening(const std::vector<WideningStep>& steps, net::Family family,
                               unsigned base);

// "56:8 48:8" (length:children, narrowest first), "none" for no step.
util::Result<std::vector<WideningStep>> parse_widening(std::string_view text);

}  // namespace warder::jail
