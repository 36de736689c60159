#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "store/options.h"

#include <string>

namespace warder::store {

// [store] of warder.conf.
const config::Table& store_table();

// The options that the values of [store] say; the rest is as Options has it. `host` names the log
// ("warder/<host>") unless the origin is configured.
Options store_options(const config::Values& values, const std::string& host);

}  // namespace warder::store
