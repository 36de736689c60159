#pragma once

#include "backup/keys.h"
#include "backup/recovery.h"
#include "config/check.h"
#include "config/diagnostics.h"
#include "util/result.h"

#include <filesystem>
#include <vector>

namespace warder::agent {

// The sections [backup NAME] of a configuration or of the vault's document `recovery`, each with
// the [storage NAME] it asks for; what is wrong beyond single keys goes to `diagnostics`. `state`
// is [agent] state.
std::vector<backup::SetOptions> backup_sets_of(const config::Checked& checked,
                                               const std::filesystem::path& state,
                                               config::Diagnostics& diagnostics);

// The same of what one host has put into the vault. kInvalid: all that is wrong in it.
struct RecoveredSets {
  config::Checked places;  // holds the sections [storage NAME]
  std::vector<backup::SetOptions> sets;
};
util::Result<RecoveredSets> recovered_sets(const backup::Recovery& recovery,
                                           const std::filesystem::path& state);

}  // namespace warder::agent
