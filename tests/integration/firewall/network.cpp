#include "network.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warder::testing {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Endpoint endpoint(const std::string& address, std::uint16_t port) {
  Endpoint result;
  const auto parsed = net::IpAddress::parse(address).value();
  if (parsed.is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&result.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr, parsed.bytes().data(), 4);
    result.size = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&result.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    std::memcpy(&in->sin6_addr, parsed.bytes().data(), 16);
    result.size = sizeof *in;
  }
  return result;
}

util::Descriptor bound_socket(const Network& network, int type, const std::string& address,
                              std::uint16_t port) {
  util::Descriptor socket;
  network.in([&] {
    const Endpoint own = endpoint(address, port);
    socket.reset(::socket(own.storage.ss_family, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), own.get(), own.size) != 0) {
      fail("bind " + address);
    }
  });
  return socket;
}

}  // namespace

std::string run_program(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    fail("pipe2");
  }
  const util::Descriptor in(ends[0]);
  util::Descriptor out(ends[1]);
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out.get(), STDOUT_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  out.reset();
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(in.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::string all;
    for (const std::string& word : words) {
      all += word + " ";
    }
    throw std::runtime_error("failed: " + all);
  }
  return text;
}

Network::Network() {
  int hold[2];
  int ready[2];
  if (::pipe2(hold, O_CLOEXEC) != 0 || ::pipe2(ready, O_CLOEXEC) != 0) {
    fail("pipe2");
  }
  const util::Descriptor held(hold[0]);
  release_.reset(hold[1]);
  const util::Descriptor is_ready(ready[0]);
  util::Descriptor say_ready(ready[1]);
  child_ = ::fork();
  if (child_ == 0) {
    ::signal(SIGTERM, SIG_DFL);
    release_.reset();
    char byte = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
    [[maybe_unused]] ssize_t done = ::write(say_ready.get(), &byte, 1);
    done = ::read(held.get(), &byte, 1);
    ::_exit(0);
  }
  say_ready.reset();
  char byte = 'n';
  if (::read(is_ready.get(), &byte, 1) != 1 || byte != 'y') {
    throw std::runtime_error("no new network namespace: this test needs root");
  }
  space_.reset(::open(("/proc/" + pid() + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  run({"ip", "link", "set", "lo", "up"});
}

Network::~Network() {
  release_.reset();
  ::waitpid(child_, nullptr, 0);
}

void Network::in(const std::function<void()>& work) const {
  const util::Descriptor back(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (::setns(space_.get(), CLONE_NEWNET) != 0) {
    fail("setns");
  }
  try {
    work();
  } catch (...) {
    ::setns(back.get(), CLONE_NEWNET);
    throw;
  }
  if (::setns(back.get(), CLONE_NEWNET) != 0) {
    fail("setns back");
  }
}

std::string Network::run(const std::vector<std::string>& words) const {
  std::string text;
  in([&] { text = run_program(words); });
  return text;
}

void Network::connect(const std::string& name, const std::vector<std::string>& addresses,
                      const Network& other, const std::string& other_name,
                      const std::vector<std::string>& other_addresses) const {
  run({"ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "netns",
       other.pid()});
  const auto set_up = [](const Network& network, const std::string& link,
                         const std::vector<std::string>& all) {
    for (const std::string& address : all) {
      std::vector<std::string> words{"ip", "address", "add", address, "dev", link};
      // Without this an IPv6 address may not be used for a second.
      if (address.find(':') != std::string::npos) {
        words.push_back("nodad");
      }
      network.run(words);
    }
    network.run({"ip", "link", "set", link, "up"});
  };
  set_up(*this, name, addresses);
  set_up(other, other_name, other_addresses);
}

TcpServer::TcpServer(const Network& network, const std::string& address, std::uint16_t port)
    : socket_(bound_socket(network, SOCK_STREAM, address, port)) {
  if (::listen(socket_.get(), 16) != 0) {
    fail("listen");
  }
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &size);
  port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&own)->sin_port);
}

util::Descriptor TcpServer::accept() const {
  pollfd wait{socket_.get(), POLLIN, 0};
  if (::poll(&wait, 1, kArrival) != 1) {
    throw std::runtime_error("no connection came");
  }
  return util::Descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

util::Descriptor tcp_connect(const Network& network, const std::string& from, const std::string& to,
                             std::uint16_t port, int patience) {
  util::Descriptor socket = bound_socket(network, SOCK_STREAM | SOCK_NONBLOCK, from, 0);
  const Endpoint peer = endpoint(to, port);
  if (::connect(socket.get(), peer.get(), peer.size) != 0 && errno != EINPROGRESS) {
    return {};
  }
  pollfd wait{socket.get(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  if (::poll(&wait, 1, patience) != 1 ||
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return {};
  }
  return socket;
}

void udp_send(const Network& network, const std::string& from, const std::string& to,
              std::uint16_t port, const std::string& text) {
  const util::Descriptor socket = bound_socket(network, SOCK_DGRAM, from, 0);
  const Endpoint peer = endpoint(to, port);
  if (::sendto(socket.get(), text.data(), text.size(), 0, peer.get(), peer.size) < 0) {
    fail("sendto " + to);
  }
}

UdpServer::UdpServer(const Network& network, const std::string& address, std::uint16_t port)
    : socket_(bound_socket(network, SOCK_DGRAM | SOCK_NONBLOCK, address, port)) {}

std::vector<std::string> UdpServer::received() const {
  std::vector<std::string> all;
  char buffer[2048];
  ssize_t got = 0;
  while ((got = ::recv(socket_.get(), buffer, sizeof buffer, 0)) >= 0) {
    all.emplace_back(buffer, static_cast<std::size_t>(got));
  }
  return all;
}

}  // namespace warder::testing
