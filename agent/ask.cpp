#include "agent/ask.h"

#include "agent/wiring.h"
#include "api/client.h"

namespace warder::agent {

util::Result<std::string> ask_agent(const Globals& globals, const api::Request& request) {
  std::filesystem::path socket = globals.socket;
  if (socket.empty()) {
    WARDER_ASSIGN_OR_RETURN(socket, control_socket(globals));
  }
  return api::ask(socket, request);
}

}  // namespace warder::agent
