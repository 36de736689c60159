#pragma once

#include "engine/diagnosis.h"

#include <string>
#include <vector>

namespace warder::engine {

// The part of diagnose() that looks at one log pattern of a jail: files, rights, positions, dates,
// the last lines. Adds its stages to `stages`.
void check_logs(const JailFacts& facts, const std::string& pattern, store::Reader& history,
                std::vector<Stage>& stages);

}  // namespace warder::engine
