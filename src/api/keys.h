#pragma once

#include "api/server.h"
#include "config/keys.h"
#include "config/values.h"
#include "util/result.h"

namespace warder::api {

// [api]: the control socket.
const config::Table& api_table();
// kNotFound for a group that does not exist.
util::Result<ServerOptions> server_options(const config::Values& values);

}  // namespace warder::api
