#pragma once

#include "config/keys.h"
#include "engine/effective.h"

#include <span>
#include <string>
#include <vector>

namespace warder::engine {

// The keys of these tables that say something else than at the start and take effect with a restart
// alone: "[store] retention_events".
std::vector<std::string> changed_until_restart(std::span<const config::Table* const> tables,
                                               const Effective& started, const Effective& now);

}  // namespace warder::engine
