#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "store/options.h"

#include <filesystem>
#include <string>

namespace warder::store {

// [store] of warder.conf.
const config::Table& store_table();

// The options that the values of [store] say; the rest is as Options has it. The database lies
// in the folder `state` and `host` names the log ("warder/<host>") unless they are configured.
Options store_options(const config::Values& values, const std::filesystem::path& state,
                      const std::string& host);

}  // namespace warder::store
