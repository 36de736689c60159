#pragma once

#include <string>

namespace warder::engine {

// What this host calls itself, gethostname(2); "localhost" where it has no name.
std::string own_name();

}  // namespace warder::engine
