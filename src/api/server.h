#pragma once

#include "api/message.h"
#include "util/result.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <sys/types.h>

namespace warder::api {

// Answers the questions of the control socket. Called on the server's thread, one question at a
// time; must return within a bounded time.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response handle(const Request& request) = 0;
};

struct ServerOptions {
  std::filesystem::path path;  // e.g. /run/warder/control.sock; a stale one is replaced
  // The socket's group; members may connect and have the read-only role. -1 leaves the group alone.
  gid_t group = static_cast<gid_t>(-1);
  // Members of this group have the admin role, beside root and the agent's own user. -1: none.
  gid_t admin_group = static_cast<gid_t>(-1);
  std::size_t most_connections = 64;
  // A connection that neither sends a whole request nor takes its answer for this long is closed.
  std::chrono::milliseconds idle_limit{10000};
};

// The control socket: SOCK_STREAM, mode 0660, who is asking known by SO_PEERCRED and SO_PEERGROUPS
// (unix(7)). One thread of its own serves all connections; a slow, silent or hostile one is closed
// and never holds up the others. When all places are taken, the longest idle connection gives way.
class Server {
 public:
  // Binds and starts. kDenied, kConflict (a live agent answers there already), kIo. `handler` must
  // outlive the server.
  static util::Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                                     Handler* handler);
  // Stops the thread, closes all connections, removes the socket.
  virtual ~Server() = default;
};

}  // namespace warder::api
