#pragma once

#include "engine/configuration.h"
#include "engine/engine.h"
#include "util/clock.h"

namespace warder::agent {

// Opens what stands as `oci-audit:COMPARTMENT` in a logpath, with the account of [vault]: source
// knows no vault, vault no source. `clock` must outlive what is opened.
engine::OpenRemote open_remote(const engine::MainConfiguration& main, const util::Clock& clock);

}  // namespace warder::agent
