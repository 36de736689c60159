#pragma once

#include <string>
#include <vector>

namespace warder::util {

// The paths that a pattern of the shell's kind fits (glob(7), glob(3)), in their order; a plain
// path when something is there. None when nothing fits or could be looked at.
std::vector<std::string> paths_matching(const std::string& pattern);

}  // namespace warder::util
