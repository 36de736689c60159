#pragma once

#include "agent/command.h"
#include "api/message.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace warder::agent {

// Asks the running agent: the socket named on the command line, else the configured one.
util::Result<std::string> ask_agent(const Globals& globals, const api::Request& request);

// Asks, and prints the answer: as it is when JSON is wanted, else what `text` makes of it.
ExitStatus ask_and_print(const Globals& globals, const api::Request& request,
                         const std::function<std::string(const nlohmann::json&)>& text);

// Standard input as the text of a request that reports something; kInvalid when there is none.
util::Result<std::string> read_report();

}  // namespace warder::agent
