#pragma once

#include "agent/command.h"
#include "api/message.h"

#include <string>

namespace warder::agent {

// Asks the running agent: the socket named on the command line, else the configured one.
util::Result<std::string> ask_agent(const Globals& globals, const api::Request& request);

}  // namespace warder::agent
