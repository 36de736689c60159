#include "firewall/scope.h"

#include <catch2/catch.hpp>

using warder::firewall::Protocol;
using warder::firewall::Scope;

namespace {

std::string name(std::string_view protocol, std::string_view ports) {
  return Scope::parse(protocol, ports).value().name();
}

}  // namespace

TEST_CASE("a scope has one name, whatever way it was written") {
  CHECK(Scope().name() == "all");
  CHECK(name("", "") == "all");
  CHECK(name("all", "all") == "all");
  CHECK(name("tcp", "") == "tcp");
  CHECK(name("TCP", "any") == "tcp");
  CHECK(name("tcp", "0:65535") == "tcp");
  CHECK(name("", "http,https") == "tcp_80_443");
  CHECK(name("tcp", "443 80, 80") == "tcp_80_443");
  CHECK(name("udp", "5000:6000,53") == "udp_53_5000-6000");
  CHECK(name("all", "53") == "any_53");
  CHECK(Scope::parse("tcp", "80,443").value() == Scope::parse("", "https,http").value());
}

TEST_CASE("a long list of ports has a short name that differs from others") {
  std::string ports;
  for (int port = 1000; port < 1060; port += 2) {
    ports += std::to_string(port) + ",";
  }
  const std::string first = name("tcp", ports);
  CHECK(first.size() == 21);
  CHECK(first.starts_with("tcp_h"));
  CHECK(name("tcp", ports + "9") != first);
}

TEST_CASE("what is no scope is refused by name") {
  CHECK(Scope::parse("icmp", "").error().message() ==
        "'icmp' is no protocol: write tcp, udp or all");
  CHECK(Scope::parse("tcp", "80,htpp").error().message() ==
        "'htpp' is no port; write for instance 443, 1000:2000 or https; did you mean http?");
  CHECK(Scope::make(Protocol::kTcp, {{20, 10}}).error().message() ==
        "the port range 20:10 runs backwards; did you mean 10:20?");
  std::vector<warder::net::PortRange> many;
  for (std::uint16_t port = 0; port < 66; port += 2) {
    many.push_back({port, port});
  }
  CHECK(Scope::make(Protocol::kTcp, many).error().message() ==
        "33 separate port ranges, at most 32 are possible; leave the ports out to ban on every "
        "port");
}
