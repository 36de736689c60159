#pragma once

#include "source/position_record.h"
#include "util/result.h"

#include <cstdint>
#include <string>

namespace warder::source {

// The position of a log that another program judged up to `offset`, as if this source had: what is
// stored under its path makes reading go on there. kInvalid when the file is shorter, is no regular
// file, or no line begins there; kNotFound and kDenied when it cannot be read.
util::Result<PositionRecord> position_at(const std::string& path, std::uint64_t offset);

}  // namespace warder::source
