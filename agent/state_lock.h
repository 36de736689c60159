#pragma once

#include "util/descriptor.h"
#include "util/result.h"

#include <filesystem>

namespace warder::agent {

// The lock of [agent] state: whoever writes there holds it. kConflict when somebody does.
util::Result<util::Descriptor> lock_state(const std::filesystem::path& state);

// What root writes into [agent] state must belong to the agent's user, who could not open it
// otherwise: gives up root for good, for the owner of the folder. Nothing for everybody else, and
// when the folder is root's.
util::Status become_owner_of(const std::filesystem::path& state);

}  // namespace warder::agent
