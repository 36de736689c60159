#include "source/http_listener.h"

#include "net/address.h"
#include "util/strings.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace warder::source {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kRead = 64UL * 1024;
constexpr int kBacklog = 128;

util::Error invalid(std::string_view address, std::string_view why) {
  return {util::ErrorCode::kInvalid,
          fmt::format("'{}' cannot be listened at: {}; write for instance http://127.0.0.1:8300/"
                      "audit",
                      util::printable(address, 120), why)};
}

struct Parsed {
  net::IpAddress host;
  std::uint16_t port = 0;
  std::string path;
};

util::Result<Parsed> parse(std::string_view address) {
  std::string_view rest = address;
  if (!rest.starts_with(kScheme)) {
    return invalid(address, "it does not begin with http://");
  }
  rest.remove_prefix(kScheme.size());
  Parsed parsed;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  parsed.path = slash == rest.size() ? "/" : rest.substr(slash);
  rest = rest.substr(0, slash);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid(address, "it names no port");
  }
  const std::string_view port = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc() || end != port.data() + port.size() || parsed.port == 0) {
    return invalid(address, "the port is no number from 1 to 65535");
  }
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const auto ip = net::IpAddress::parse(host);
  if (!ip) {
    return invalid(address, "the host is no address");
  }
  parsed.host = *ip;
  const bool loopback = ip->is_v4() ? host.starts_with("127.") : host == "::1";
  if (!loopback) {
    return invalid(address, "who posts there is not asked who he is, so only loopback is possible");
  }
  return parsed;
}

util::Result<util::Descriptor> bind_to(const Parsed& where, std::string_view address) {
  const bool v4 = where.host.is_v4();
  util::Descriptor fd(
      ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) {
    return util::errno_error("socket", errno);
  }
  const std::string text = where.host.to_string();
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (v4) {
    auto* const to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(where.port);
    ::inet_pton(AF_INET, text.c_str(), &to->sin_addr);
    length = sizeof *to;
  } else {
    auto* const to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(where.port);
    ::inet_pton(AF_INET6, text.c_str(), &to->sin6_addr);
    length = sizeof *to;
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return util::errno_error(fmt::format("listening at {}", util::printable(address, 120)), errno);
  }
  return fd;
}

}  // namespace

struct HttpListener::Connection {
  Connection(util::Descriptor socket, const HttpRequestReader::Limits& limits,
             const HttpRequestReader::Sink& sink)
      : fd(std::move(socket)), reader(limits, sink) {}

  util::Descriptor fd;
  HttpRequestReader reader;
  std::string answers;  // not sent yet
  bool closing = false;

  // False when it is over.
  bool send_answers() {
    while (!answers.empty()) {
      const ssize_t sent = ::send(fd.get(), answers.data(), answers.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      answers.erase(0, static_cast<std::size_t>(sent));
    }
    return !closing;
  }
  bool read(std::vector<char>& buffer) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
      return false;
    }
    closing = !reader.feed({buffer.data(), static_cast<std::size_t>(got)}, answers);
    return send_answers();
  }
};

util::Result<std::shared_ptr<HttpListener>> HttpListener::open(const Options& options) {
  WARDER_ASSIGN_OR_RETURN(const Parsed where, parse(options.address));
  WARDER_ASSIGN_OR_RETURN(util::Descriptor listener, bind_to(where, options.address));
  return std::shared_ptr<HttpListener>(new HttpListener(options, where.path, std::move(listener)));
}

HttpListener::HttpListener(Options options, std::string path, util::Descriptor listener)
    : options_(std::move(options)),
      limits_{std::move(path), static_cast<std::size_t>(options_.longest_line.value), kLongestBody},
      listener_(std::move(listener)),
      ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sink_.line = [this](std::string_view line) { put(line); };
  sink_.too_long = [this](std::uint64_t length) {
    const std::lock_guard lock(mutex_);
    ++lost_.too_long;
    lost_.bytes += length;
  };
  thread_ = std::thread([this] { run(); });
}

HttpListener::~HttpListener() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void HttpListener::put(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (queued_ + line.size() > options_.queue.value) {
      ++lost_.overflow;
      lost_.bytes += line.size();
      if (lost_.overflow > 1) {
        return;  // it was woken for the first one
      }
    } else {
      queue_.emplace_back(line);
      queued_ += line.size();
    }
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
}

bool HttpListener::take(std::string& line) {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    std::uint64_t drained = 0;
    [[maybe_unused]] const ssize_t got = ::read(ready_.get(), &drained, sizeof drained);
    return false;
  }
  line = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= line.size();
  return true;
}

HttpListener::Lost HttpListener::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, {});
}

std::uint64_t HttpListener::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return queued_;
}

void HttpListener::run() {
  util::name_thread("http");
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<char> buffer(kRead);
  while (true) {
    std::vector<pollfd> waiting{
        {stop_.get(), POLLIN, 0},
        {connections.size() < kConnections ? listener_.get() : -1, POLLIN, 0}};
    for (const auto& connection : connections) {
      const bool unsent = !connection->answers.empty();
      waiting.push_back({connection->fd.get(), static_cast<short>(unsent ? POLLOUT : POLLIN), 0});
    }
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (waiting[0].revents != 0) {
      return;
    }
    for (std::size_t i = 0; i < connections.size(); ++i) {
      const short happened = waiting[i + 2].revents;
      if (happened == 0) {
        continue;
      }
      const bool goes_on =
          (happened & POLLOUT) != 0 ? connections[i]->send_answers() : connections[i]->read(buffer);
      if (!goes_on) {
        connections[i].reset();
      }
    }
    std::erase(connections, nullptr);
    if (waiting[1].revents != 0) {
      util::Descriptor accepted(
          ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted) {
        connections.push_back(std::make_unique<Connection>(std::move(accepted), limits_, sink_));
      }
    }
  }
}

}  // namespace warder::source
