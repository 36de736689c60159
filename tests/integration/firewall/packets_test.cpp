#include "firewall/netlink_firewall.h"
#include "network.h"

#include <catch2/catch.hpp>

#include <poll.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace warder;
using firewall::Change;
using firewall::NetlinkFirewall;
using firewall::Scope;
using testing::Network;
using testing::TcpServer;
using testing::UdpServer;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }

// A guarded host with one attacker's network: several addresses of the attacker's are ours to use.
struct Setting {
  Network host;
  Network outside;
  util::SystemClock clock;
  std::unique_ptr<NetlinkFirewall> wall;

  Setting() {
    host.connect("in", {"192.0.2.1/24", "2001:db8:1::1/48"}, outside, "out",
                 {"192.0.2.66/24", "192.0.2.77/24", "2001:db8:1:aaaa::66/48",
                  "2001:db8:1:aaaa::77/48", "2001:db8:1:bbbb::66/48"});
    host.in([&] { wall = NetlinkFirewall::open(clock).value(); });
  }
  firewall::ApplyReport ban(std::string_view address, firewall::ScopeIndex scope = 0,
                            std::chrono::seconds length = 1h) {
    return wall
        ->apply(
            std::vector<Change>{{Change::Kind::kAdd, scope, prefix(address), clock.now() + length}})
        .value();
  }
};

bool arrives(int from, int to, int patience = testing::kArrival) {
  char byte = 'x';
  if (::write(from, &byte, 1) != 1) {
    return false;
  }
  pollfd wait{to, POLLIN, 0};
  return ::poll(&wait, 1, patience) == 1 && ::read(to, &byte, 1) == 1;
}

}  // namespace

TEST_CASE("a ban drops new and established connections of its address and of no other") {
  Setting at;
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  const TcpServer server(at.host, "192.0.2.1");
  const auto bad =
      tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), testing::kArrival);
  const auto bad_end = server.accept();
  const auto good =
      tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", server.port(), testing::kArrival);
  const auto good_end = server.accept();
  REQUIRE(bad);
  REQUIRE(good);
  CHECK(arrives(bad.get(), bad_end.get()));

  CHECK(at.ban("192.0.2.66").added == 1);

  CHECK_FALSE(arrives(bad.get(), bad_end.get(), testing::kSilence));
  CHECK(arrives(good.get(), good_end.get()));
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), testing::kSilence));
  CHECK(tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", server.port(), testing::kArrival));

  const auto traffic = at.wall->traffic(prefix("192.0.2.66")).value();
  CHECK(traffic.packets >= 2);
  CHECK(traffic.bytes >= traffic.packets * 40);
  CHECK(at.wall->traffic(prefix("192.0.2.77")).error().message() == "192.0.2.77 is not banned");

  CHECK(at.wall
            ->apply(
                std::vector<Change>{{Change::Kind::kRemove, 0, prefix("192.0.2.66"), std::nullopt}})
            .value()
            .removed == 1);
  CHECK(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), testing::kArrival));
}

TEST_CASE("what another table accepts before us is dropped all the same") {
  Setting at;
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  at.host.run({"nft",
               "add table inet other; add chain inet other first { type filter hook "
               "prerouting priority -400; policy accept; }; add rule inet other first accept"});
  at.host.run({"nft", "insert rule inet other first ip saddr 192.0.2.66 accept"});
  CHECK(at.ban("192.0.2.66").added == 1);
  const TcpServer server(at.host, "192.0.2.1");
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), testing::kSilence));
  CHECK(tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", server.port(), testing::kArrival));
}

TEST_CASE("a ban of some ports leaves the others open") {
  Setting at;
  const TcpServer web(at.host, "192.0.2.1");
  const TcpServer other(at.host, "192.0.2.1");
  const Scope scope =
      Scope::make(firewall::Protocol::kTcp, {{web.port(), web.port()}, {1, 2}}).value();
  const Scope dns = Scope::parse("udp", "5353").value();
  REQUIRE(at.wall->ensure(std::vector{Scope(), scope, dns}));
  CHECK(at.ban("192.0.2.66", 1).added == 1);
  CHECK(at.ban("192.0.2.77", 2).added == 1);
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", web.port(), testing::kSilence));
  CHECK(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", other.port(), testing::kArrival));
  CHECK(tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", web.port(), testing::kArrival));

  // A datagram on veth is delivered within the call that sends it.
  const UdpServer name_server(at.host, "192.0.2.1", 5353);
  udp_send(at.outside, "192.0.2.77", "192.0.2.1", 5353, "banned");
  udp_send(at.outside, "192.0.2.66", "192.0.2.1", 5353, "other");
  CHECK(name_server.received() == std::vector<std::string>{"other"});
}

TEST_CASE("prefixes cover what they contain and nothing else") {
  Setting at;
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  const TcpServer server6(at.host, "2001:db8:1::1");
  const TcpServer server4(at.host, "192.0.2.1");
  const auto reaches6 = [&](const char* from, int patience = testing::kArrival) {
    return static_cast<bool>(
        tcp_connect(at.outside, from, "2001:db8:1::1", server6.port(), patience));
  };
  const auto reaches4 = [&](const char* from, int patience = testing::kArrival) {
    return static_cast<bool>(tcp_connect(at.outside, from, "192.0.2.1", server4.port(), patience));
  };
  CHECK(reaches6("2001:db8:1:aaaa::66"));
  CHECK(at.ban("2001:db8:1:aaaa::/64").added == 1);
  CHECK_FALSE(reaches6("2001:db8:1:aaaa::66", testing::kSilence));
  CHECK_FALSE(reaches6("2001:db8:1:aaaa::77", testing::kSilence));
  CHECK(reaches6("2001:db8:1:bbbb::66"));
  CHECK(reaches4("192.0.2.66"));

  CHECK(at.ban("2001:db8:1:bbbb::66").added == 1);
  CHECK_FALSE(reaches6("2001:db8:1:bbbb::66", testing::kSilence));
  // A length that no jail uses by itself gets its set when it is needed.
  CHECK(at.ban("192.0.2.64/29").added == 1);
  CHECK_FALSE(reaches4("192.0.2.66", testing::kSilence));
  CHECK(reaches4("192.0.2.77"));
  CHECK(at.wall->traffic(prefix("192.0.2.64/29")).value().packets >= 1);
}

TEST_CASE("a port that is forwarded into a container is covered") {
  // As Docker publishes a port: destination NAT in prerouting to an address of a bridge.
  Setting at;
  Network container;
  at.host.connect("docker", {"172.17.0.1/24"}, container, "eth", {"172.17.0.2/24"});
  container.run({"ip", "route", "add", "default", "via", "172.17.0.1"});
  at.host.run({"sysctl", "-q", "-w", "net.ipv4.ip_forward=1"});
  const TcpServer server(container, "172.17.0.2");
  const std::string target = "172.17.0.2:" + std::to_string(server.port());
  at.host.run({"nft",
               "add table ip docker; add chain ip docker nat { type nat hook prerouting priority "
               "-100; }; add rule ip docker nat tcp dport 8080 dnat to " +
                   target});
  REQUIRE(at.wall->ensure(std::vector{Scope::parse("tcp", "8080").value()}));
  const auto open = tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", 8080, testing::kArrival);
  const auto open_end = server.accept();
  REQUIRE(open);
  CHECK(arrives(open.get(), open_end.get()));

  CHECK(at.ban("192.0.2.66").added == 1);

  CHECK_FALSE(arrives(open.get(), open_end.get(), testing::kSilence));
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", 8080, testing::kSilence));
  CHECK(tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", 8080, testing::kArrival));
}

TEST_CASE("bridged traffic is covered where bridges call the firewall, and only there") {
  Setting at;
  Network guest;
  at.host.run({"ip", "link", "add", "bridge", "type", "bridge"});
  at.host.run({"ip", "link", "set", "bridge", "up"});
  at.host.connect("port", {}, guest, "eth", {"192.0.2.9/24"});
  at.host.run({"ip", "link", "set", "port", "master", "bridge"});
  at.host.run({"ip", "link", "set", "in", "master", "bridge"});
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  CHECK(at.ban("192.0.2.66").added == 1);
  const TcpServer server(guest, "192.0.2.9");
  const auto reaches = [&](int patience = testing::kArrival) {
    return static_cast<bool>(
        tcp_connect(at.outside, "192.0.2.66", "192.0.2.9", server.port(), patience));
  };
  const auto bridge_calls = [&](const std::string& value) {
    at.host.run({"sysctl", "-q", "-w", "net.bridge.bridge-nf-call-iptables=" + value});
  };
  // br_netfilter is a module that a host may not have; Docker loads it.
  if (at.host.run({"sysctl", "-a", "--pattern", "bridge-nf-call-iptables"}).empty()) {
    CHECK(reaches());
    return;
  }
  bridge_calls("0");
  CHECK(reaches());
  bridge_calls("1");
  CHECK_FALSE(reaches(testing::kSilence));
}

TEST_CASE("a rejected address hears so") {
  Setting at;
  at.host.in([&] {
    at.wall = NetlinkFirewall::open(
                  at.clock, {.max_elements = 1024, .block_type = firewall::BlockType::kReject})
                  .value();
  });
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  CHECK(at.ban("192.0.2.66").added == 1);
  const TcpServer server(at.host, "192.0.2.1");
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), testing::kSilence));
  CHECK(at.host.run({"nft", "list", "table", "inet", "warder"}).find("reject") !=
        std::string::npos);
}
