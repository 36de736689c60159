#pragma once

#include "store/reader.h"

#include <string_view>

namespace warder::engine {

// Whether an incident of that name is open in the history: what was told before the start, and
// whose end has yet to be told. False when the history cannot be read.
bool is_open(store::Reader& reader, std::string_view incident);

}  // namespace warder::engine
