#pragma once

#include "api/server.h"
#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"

#include <optional>

namespace warder::api {

// [api]: the control socket.
const config::Table& api_table();
// Empty when a group does not exist, which is told.
std::optional<ServerOptions> server_options(const config::Values& values,
                                            config::Diagnostics& diagnostics);

}  // namespace warder::api
