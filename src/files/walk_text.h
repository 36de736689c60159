#pragma once

#include "files/walk.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace warder::files {

// What a walk did, for people and as facts of an event.

// "512 KiB", "12 MiB".
std::string size_in_words(std::uint64_t bytes);
// What it left out: ", 3 could not be read, 1 too large to be read"; empty when nothing.
std::string limits_in_words(const WalkCounts& counts);
// The same as members of `facts`.
void add_limits(const WalkCounts& counts, nlohmann::json* facts);

}  // namespace warder::files
