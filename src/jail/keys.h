#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "jail/options.h"

#include <optional>

namespace warder::jail {

// The keys of a section that describes a jail; every section of a jail file is one. fail2ban's
// names where fail2ban has the option; its options that mean nothing here are known and warned of.
const config::Table& jail_table();

// The jail of a checked section. What spans keys (ban time expressions, order of widening steps) is
// judged here, each fault added to `diagnostics` with its place; empty when there was one. Use the
// options only when check() had no fault either.
std::optional<JailOptions> jail_options(const config::Values& values,
                                        config::Diagnostics& diagnostics);

}  // namespace warder::jail
