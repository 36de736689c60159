#pragma once

#include <string>

namespace warder::agent {

// Who writes, for the history: the one who called sudo rather than root.
std::string user_name();

}  // namespace warder::agent
