#pragma once

#include "api/message.h"
#include "util/result.h"

#include <chrono>
#include <filesystem>

namespace warder::api {

// Asks a running agent one question. kNotFound or kUnavailable: no agent answers there; kDenied:
// this user may not connect; kTimeout. An error that the agent itself answered comes as it was
// sent.
util::Result<std::string> ask(const std::filesystem::path& socket, const Request& request,
                              std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace warder::api
