#pragma once

#include "config/diagnostics.h"
#include "config/file_reader.h"
#include "engine/configuration.h"
#include "engine/jail_set.h"
#include "fail2ban/jails.h"

#include <optional>

namespace warder::engine {

// Adds the enabled jails of [agent] fail2ban_configuration to `set`. What fail2ban would do and
// this agent does not is an error at its place, what it does in another way a warning.
void add_fail2ban_jails(config::FileReader& files, const MainConfiguration& main,
                        const fail2ban::Resolve& resolve, JailSet& set,
                        config::Diagnostics& diagnostics);

// One jail of it, compiled; empty, and told, when something is wrong.
std::optional<CompiledJail> compile_fail2ban_jail(const fail2ban::JailPlan& plan,
                                                  const std::string& directory,
                                                  const MainConfiguration& main,
                                                  config::Diagnostics& diagnostics);

// How a fail2ban configuration is read for this host: with its names, its files and the actions
// that [agent] goes without.
fail2ban::ReadOptions fail2ban_read_options(const MainConfiguration& main,
                                            const fail2ban::Resolve& resolve);

}  // namespace warder::engine
