#pragma once

#include <cstdint>
#include <string>

namespace warder::backup {

// For people: "812 bytes", "4.1 MiB".
std::string size_text(std::uint64_t bytes);

}  // namespace warder::backup
