#include "firewall/helper_server.h"

#include "firewall/capabilities.h"
#include "firewall/guarded_firewall.h"
#include "firewall/helper_session.h"
#include "log/log.h"
#include "util/descriptor.h"
#include "util/unix_socket.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace warder::firewall {
namespace {

// A caller that does not take its answer within this time is cut off, so that it cannot hold up the
// others.
constexpr int kSendPatience = 1000;
// Datagrams that one connection may have worked off before the next has its turn.
constexpr int kTurn = 64;

util::Result<util::Descriptor> listen_on(const std::filesystem::path& path) {
  util::UnixListener listener;
  listener.path = path;
  listener.type = SOCK_SEQPACKET;
  listener.backlog = 8;
  listener.owner = "firewall helper";
  listener.remedy = "stop it first (systemctl stop warder-firewall)";
  return util::listen_unix(listener);
}

bool is_allowed(int socket, uid_t allowed) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return false;
  }
  if (peer.uid != allowed && peer.uid != 0) {
    log::warning("firewall helper: refused user {} (process {}); only {} and root may connect",
                 peer.uid, peer.pid, allowed);
    return false;
  }
  return true;
}

bool is_listening(int socket) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
}

bool send_all(int socket, const wire::Datagram& datagram) {
  for (;;) {
    if (::send(socket, datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      return true;
    }
    if (errno == EINTR) {
      continue;
    }
    pollfd wait{socket, POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&wait, 1, kSendPatience) != 1) {
      return false;
    }
  }
}

struct Connection {
  Connection(HelperShared& shared, util::Descriptor fd)
      : socket(std::move(fd)), session(shared, [fd = socket.get()](const wire::Datagram& out) {
          return send_all(fd, out);
        }) {}

  util::Descriptor socket;
  HelperSession session;
};

class Server {
 public:
  Server(const HelperOptions& options, HelperShared& shared, util::Descriptor signals)
      : options_(options), shared_(shared), signals_(std::move(signals)) {}

  util::Status open() {
    if (options_.inherited_fd < 0) {
      WARDER_ASSIGN_OR_RETURN(listener_, listen_on(options_.listen));
      return {};
    }
    util::Descriptor given(options_.inherited_fd);
    if (is_listening(given.get())) {
      listener_ = std::move(given);
      return {};
    }
    ends_with_caller_ = true;
    if (!add(std::move(given))) {
      return util::Error(util::ErrorCode::kDenied,
                         "the inherited socket belongs to a user who may not give orders");
    }
    return {};
  }

  util::Status run() {
    for (;;) {
      std::vector<pollfd> waits{{signals_.get(), POLLIN, 0},
                                {shared_.firewall.watch_descriptor(), POLLIN, 0},
                                {listener_.get(), POLLIN, 0}};
      if (connections_.size() >= kMostHelperConnections) {
        waits[2].fd = -1;
      }
      for (const Connection& connection : connections_) {
        waits.push_back({connection.socket.get(), POLLIN, 0});
      }
      const int timeout =
          options_.alive_every.count() > 0 ? static_cast<int>(options_.alive_every.count()) : -1;
      if (::poll(waits.data(), waits.size(), timeout) < 0 && errno != EINTR) {
        return util::errno_error("waiting for requests", errno);
      }
      if (options_.on_alive) {
        options_.on_alive();
      }
      if (waits[0].revents != 0) {
        return {};
      }
      if (waits[1].revents != 0) {
        WARDER_RETURN_IF_ERROR(tell_changes());
      }
      serve_connections(waits);
      if (waits[2].revents != 0) {
        accept();
      }
      if (ends_with_caller_ && connections_.empty()) {
        return {};
      }
    }
  }

 private:
  bool add(util::Descriptor socket) {
    if (!is_allowed(socket.get(), options_.allowed_uid)) {
      return false;
    }
    connections_.emplace_back(shared_, std::move(socket));
    return true;
  }

  void accept() {
    util::Descriptor socket(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      add(std::move(socket));
    }
  }

  util::Status tell_changes() {
    WARDER_ASSIGN_OR_RETURN(const bool changed, shared_.firewall.take_outside_change());
    if (changed) {
      log::warning("firewall helper: another program changed the table inet warder");
      connections_.remove_if(
          [](Connection& connection) { return !connection.session.tell_changed(); });
    }
    return {};
  }

  // Connections stand behind the first three of `waits`, in their order.
  void serve_connections(const std::vector<pollfd>& waits) {
    std::vector<int> ready;
    for (std::size_t i = 3; i < waits.size(); ++i) {
      if (waits[i].revents != 0) {
        ready.push_back(waits[i].fd);
      }
    }
    connections_.remove_if([&](Connection& connection) {
      const bool is_ready =
          std::find(ready.begin(), ready.end(), connection.socket.get()) != ready.end();
      return is_ready && !serve(connection);
    });
  }

  // False when the connection is to be closed.
  bool serve(Connection& connection) {
    for (int i = 0; i < kTurn; ++i) {
      // One byte more than a message shows one that is too long.
      std::array<std::uint8_t, wire::kDatagram + 1> buffer;
      const ssize_t got =
          ::recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      if (got == 0) {
        return false;
      }
      const auto datagram = util::ByteView(buffer).first(static_cast<std::size_t>(got));
      if (!connection.session.take(datagram)) {
        tell_of_closing();
        return false;
      }
    }
    return true;
  }

  // At most one line a minute, so that a flood does not fill the journal.
  void tell_of_closing() {
    ++closed_;
    const util::MonotonicTime now = shared_.clock.monotonic();
    if (!told_ || now - *told_ >= std::chrono::minutes(1)) {
      log::warning("firewall helper: closed {} connections that sent what is no request", closed_);
      told_ = now;
      closed_ = 0;
    }
  }

  const HelperOptions& options_;
  HelperShared& shared_;
  util::Descriptor signals_;
  util::Descriptor listener_;
  bool ends_with_caller_ = false;
  std::list<Connection> connections_;
  unsigned closed_ = 0;
  std::optional<util::MonotonicTime> told_;
};

util::Result<util::Descriptor> take_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  if (::pthread_sigmask(SIG_BLOCK, &ends, nullptr) != 0) {
    return util::Error(util::ErrorCode::kInternal, "signals cannot be blocked");
  }
  util::Descriptor signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) {
    return util::errno_error("waiting for signals", errno);
  }
  return signals;
}

}  // namespace

util::Status serve(const HelperOptions& options) {
  if (options.drop_capabilities) {
    WARDER_RETURN_IF_ERROR(keep_only_net_admin());
  }
  util::SystemClock clock;
  WARDER_ASSIGN_OR_RETURN(auto kernel, NetlinkFirewall::open(clock, options.netlink));
  WARDER_ASSIGN_OR_RETURN(auto protection, Protection::open(options.protection));
  GuardedFirewall guarded(*kernel, *protection);
  HelperShared shared{guarded, clock};
  WARDER_ASSIGN_OR_RETURN(auto signals, take_signals());
  Server server(options, shared, std::move(signals));
  WARDER_RETURN_IF_ERROR(server.open());
  if (options.on_ready) {
    options.on_ready();
  }
  return server.run();
}

}  // namespace warder::firewall
