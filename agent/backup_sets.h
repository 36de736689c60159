#pragma once

#include "backup/keys.h"
#include "config/check.h"
#include "config/diagnostics.h"

#include <filesystem>
#include <vector>

namespace warder::agent {

// The sections [backup NAME] of a configuration or of the vault's document `recovery`, each with
// the [storage NAME] it asks for; what is wrong beyond single keys goes to `diagnostics`. `state`
// is [agent] state.
std::vector<backup::SetOptions> backup_sets_of(const config::Checked& checked,
                                               const std::filesystem::path& state,
                                               config::Diagnostics& diagnostics);

}  // namespace warder::agent
