#pragma once

#include "agent/command.h"
#include "engine/configuration.h"
#include "util/result.h"

namespace warder::agent {

// A machine on which nothing is configured yet, as after a loss: what the vault's identity alone
// (variables of the environment, files in their usual places) can do works there too.

// Is there any file of the configuration?
bool has_configuration(const Globals& globals);
// Every key at its default.
util::Result<engine::MainConfiguration> main_without_files();

}  // namespace warder::agent
