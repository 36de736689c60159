#pragma once

#include "net/address.h"
#include "util/descriptor.h"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace warder::testing {

// A network namespace of the test's own, held by a child process that does nothing; gone with the
// object (or with the test). Needs root.
class Network {
 public:
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Runs `work` inside: sockets made in it belong to the namespace for their whole life.
  void in(const std::function<void()>& work) const;
  // Runs a program inside; its standard output. Throws when it fails.
  std::string run(const std::vector<std::string>& words) const;
  // For `ip link ... netns PID`.
  std::string pid() const { return std::to_string(child_); }

  // Makes a veth pair from here (`name`, `addresses`) to `other`.
  void connect(const std::string& name, const std::vector<std::string>& addresses,
               const Network& other, const std::string& other_name,
               const std::vector<std::string>& other_addresses) const;

 private:
  pid_t child_ = -1;
  util::Descriptor release_;
  util::Descriptor space_;
};

// Runs a program in the current namespace; its standard output. Throws when it fails.
std::string run_program(const std::vector<std::string>& words);

// A listening TCP socket on any free port of the namespace, or on `port`.
class TcpServer {
 public:
  TcpServer(const Network& network, const std::string& address, std::uint16_t port = 0);
  std::uint16_t port() const { return port_; }
  // The connection that a client has made.
  util::Descriptor accept() const;

 private:
  util::Descriptor socket_;
  std::uint16_t port_ = 0;
};

// How long to wait for what must come (never reached but by a failing test), and for what must not
// (an answer over a veth pair takes microseconds, TCP's first repetition a second).
constexpr int kArrival = 20'000;
constexpr int kSilence = 300;

// An established connection, or none when there was no answer within `patience` milliseconds.
util::Descriptor tcp_connect(const Network& network, const std::string& from, const std::string& to,
                             std::uint16_t port, int patience);

// UDP: one datagram, without waiting for anything.
void udp_send(const Network& network, const std::string& from, const std::string& to,
              std::uint16_t port, const std::string& text);
class UdpServer {
 public:
  UdpServer(const Network& network, const std::string& address, std::uint16_t port);
  // What has arrived by now.
  std::vector<std::string> received() const;

 private:
  util::Descriptor socket_;
};

}  // namespace warder::testing
