#pragma once

#include "config/diagnostics.h"
#include "config/file_reader.h"
#include "engine/configuration.h"
#include "engine/jail_set.h"
#include "fail2ban/jails.h"

#include <optional>

namespace warder::engine {

// Adds the enabled jails of [agent] fail2ban_configuration to `set`. What fail2ban would do and
// this agent does not is an error at its place, what it does in another way a warning, and so is
// what keeps a jail from running there, too: it is left out.
void add_fail2ban_jails(config::FileReader& files, const MainConfiguration& main,
                        const fail2ban::Resolve& resolve, JailSet& set,
                        config::Diagnostics& diagnostics);

struct Fail2banJail {
  std::optional<CompiledJail> compiled;  // empty when something is wrong, which is told
  // fail2ban does not run it either: what is wrong is told in warnings, and nothing else is.
  bool left_out = false;
};

// One jail of it.
Fail2banJail compile_fail2ban_jail(const fail2ban::JailPlan& plan, const std::string& directory,
                                   const MainConfiguration& main, config::Diagnostics& diagnostics);

// The jail of that name as somebody wants to try it: enabled or not, its actions not looked at,
// with `changes` in place of its options of the same names; its logs need not be there. Errors:
// kNotFound when fail2ban has no such jail, kInvalid with all that is wrong with it.
util::Result<CompiledJail> load_fail2ban_jail(config::FileReader& files,
                                              const MainConfiguration& main,
                                              const std::string& name,
                                              const std::vector<config::Option>& changes,
                                              const fail2ban::Resolve& resolve);

// How a fail2ban configuration is read for this host: with its names, its files and the actions
// that [agent] goes without.
fail2ban::ReadOptions fail2ban_read_options(const MainConfiguration& main,
                                            const fail2ban::Resolve& resolve);

}  // namespace warder::engine
