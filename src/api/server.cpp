#include "api/server.h"

#include "api/frame.h"
#include "log/log.h"
#include "util/descriptor.h"
#include "util/thread_name.h"
#include "util/unix_socket.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace warder::api {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Peer {
  Role role = Role::kReadOnly;
  std::optional<uid_t> uid;
};

struct Connection {
  util::Descriptor fd;
  Peer peer;
  FrameReader reader{kLargestRequest};
  std::string output;
  std::size_t written = 0;
  SteadyTime active;
  bool closing = false;  // once the output is out
};

bool in_group(int fd, gid_t group) {
  if (group == static_cast<gid_t>(-1)) {
    return false;
  }
  std::vector<gid_t> groups(64);
  socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
    if (errno != ERANGE) {
      return false;
    }
    groups.resize(size / sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
      return false;
    }
  }
  groups.resize(size / sizeof(gid_t));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

Peer peer_of(int fd, gid_t admin_group) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return {};
  }
  const bool admin = peer.uid == 0 || peer.uid == ::geteuid() || peer.gid == admin_group ||
                     in_group(fd, admin_group);
  return {admin ? Role::kAdmin : Role::kReadOnly, peer.uid};
}

util::Result<util::Descriptor> listen_on(const ServerOptions& options) {
  util::UnixListener listener;
  listener.path = options.path;
  listener.group = options.group;
  listener.owner = "agent";
  listener.remedy = "stop it first (systemctl stop warder)";
  return util::listen_unix(listener);
}

class SocketServer : public Server {
 public:
  SocketServer(ServerOptions options, Handler* handler, util::Descriptor listener,
               util::Descriptor stop)
      : options_(std::move(options)),
        handler_(handler),
        listener_(std::move(listener)),
        stop_(std::move(stop)),
        thread_([this] { serve(); }) {}

  ~SocketServer() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t woken = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
    ::unlink(options_.path.c_str());
  }

 private:
  void serve() {
    util::name_thread("control");
    while (true) {
      std::vector<pollfd> waiting{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      for (const Connection& connection : connections_) {
        const bool writing = connection.written < connection.output.size();
        waiting.push_back({connection.fd.get(), static_cast<short>(writing ? POLLOUT : POLLIN), 0});
      }
      // Idle with no connection: no wake-up at all.
      const int limit = connections_.empty() ? -1 : static_cast<int>(next_deadline().count());
      if (::poll(waiting.data(), waiting.size(), limit) < 0 && errno != EINTR) {
        log::error("control socket: poll: {}", std::generic_category().message(errno));
        return;
      }
      if (waiting[0].revents != 0) {
        return;
      }
      std::size_t index = 2;
      for (auto it = connections_.begin(); it != connections_.end();) {
        const short ready = waiting[index++].revents;
        it = serve_connection(*it, ready) ? std::next(it) : connections_.erase(it);
      }
      if (waiting[1].revents != 0) {
        accept_all();
      }
    }
  }

  std::chrono::milliseconds next_deadline() const {
    SteadyTime oldest = SteadyTime::max();
    for (const Connection& connection : connections_) {
      oldest = std::min(oldest, connection.active);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        oldest + options_.idle_limit - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }

  void accept_all() {
    while (true) {
      util::Descriptor fd(
          ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) {
        return;
      }
      if (connections_.size() >= options_.most_connections) {
        connections_.erase(std::min_element(
            connections_.begin(), connections_.end(),
            [](const Connection& a, const Connection& b) { return a.active < b.active; }));
      }
      Connection connection;
      connection.peer = peer_of(fd.get(), options_.admin_group);
      connection.fd = std::move(fd);
      connection.active = std::chrono::steady_clock::now();
      connections_.push_back(std::move(connection));
    }
  }

  // False: the connection is done.
  bool serve_connection(Connection& connection, short ready) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if ((ready & (POLLERR | POLLNVAL)) != 0) {
      return false;
    }
    if ((ready & POLLOUT) != 0) {
      return send_output(connection, now);
    }
    if ((ready & (POLLIN | POLLHUP)) != 0) {
      return receive(connection, now);
    }
    return now - connection.active < options_.idle_limit;
  }

  bool receive(Connection& connection, SteadyTime now) {
    char buffer[16384];
    const ssize_t got = ::read(connection.fd.get(), buffer, sizeof buffer);
    if (got < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
      return false;
    }
    // A trickle of bytes is no sign of life: only a whole request renews the limit.
    if (const util::Status fed = connection.reader.feed({buffer, static_cast<std::size_t>(got)});
        !fed) {
      connection.output = frame(encode(Response{fed.error(), {}}));
      connection.closing = true;
      return send_output(connection, now);
    }
    if (auto payload = connection.reader.next()) {
      connection.output = frame(encode(answer(*payload, connection.peer)));
      connection.written = 0;
      return send_output(connection, now);
    }
    return now - connection.active < options_.idle_limit;
  }

  Response answer(const std::string& payload, const Peer& peer) {
    auto request = decode_request(payload);
    if (!request) {
      return Response{request.error(), {}};
    }
    if (required_role(request->command) == Role::kAdmin && peer.role != Role::kAdmin) {
      return Response{
          util::Error(util::ErrorCode::kDenied,
                      fmt::format("'{}' needs the admin role; run it with sudo, or ask for "
                                  "membership of the group named in [api] admin_group",
                                  to_string(request->command))),
          {}};
    }
    request->uid = peer.uid;
    return handler_->handle(*request);
  }

  bool send_output(Connection& connection, SteadyTime now) {
    while (connection.written < connection.output.size()) {
      const ssize_t sent =
          ::send(connection.fd.get(), connection.output.data() + connection.written,
                 connection.output.size() - connection.written, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) {
          continue;
        }
        return errno == EAGAIN && now - connection.active < options_.idle_limit;
      }
      connection.written += static_cast<std::size_t>(sent);
    }
    connection.output.clear();
    connection.written = 0;
    connection.active = std::chrono::steady_clock::now();
    return !connection.closing;
  }

  const ServerOptions options_;
  Handler* const handler_;
  const util::Descriptor listener_;
  const util::Descriptor stop_;
  std::list<Connection> connections_;  // only the thread touches it
  std::thread thread_;                 // last: starts when all else is there
};

}  // namespace

util::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                                    Handler* handler) {
  WARDER_ASSIGN_OR_RETURN(util::Descriptor listener, listen_on(options));
  util::Descriptor stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) {
    return util::errno_error("eventfd", errno);
  }
  return std::unique_ptr<Server>(
      std::make_unique<SocketServer>(options, handler, std::move(listener), std::move(stop)));
}

}  // namespace warder::api
