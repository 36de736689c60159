#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "store/options.h"

#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>

namespace warder::store {

// [store] of warder.conf.
const config::Table& store_table();

// The options that the values of [store] say; the rest is as Options has it. The database lies
// in the folder `state` and `host` names the log ("warder/<host>") unless they are configured.
Options store_options(const config::Values& values, const std::filesystem::path& state,
                      const std::string& host);

// What stands against a database where `path` says it is to lie, for an agent of that user, if it
// is known whose (util/writable_place.h). Silent where `path` is not set, and about a folder
// `state` that does not exist yet: systemd makes it.
void check_path(const config::Values& values, const std::filesystem::path& state,
                std::optional<uid_t> user, config::Diagnostics& diagnostics);

}  // namespace warder::store
