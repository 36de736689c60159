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

// A refused packet is known by silence. On a veth pair an answer is there within microseconds; the
// first retransmission of TCP is a second away.
constexpr int kPatience = 300;

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

bool arrives(int from, int to) {
  char byte = 'x';
  if (::write(from, &byte, 1) != 1) {
    return false;
  }
  pollfd wait{to, POLLIN, 0};
  return ::poll(&wait, 1, kPatience) == 1 && ::read(to, &byte, 1) == 1;
}

}  // namespace

TEST_CASE("a ban drops new and established connections of its address and of no other") {
  Setting at;
  REQUIRE(at.wall->ensure(std::vector{Scope()}));
  const TcpServer server(at.host, "192.0.2.1");
  const auto bad = tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), kPatience);
  const auto bad_end = server.accept();
  const auto good = tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", server.port(), kPatience);
  const auto good_end = server.accept();
  REQUIRE(bad);
  REQUIRE(good);
  CHECK(arrives(bad.get(), bad_end.get()));

  CHECK(at.ban("192.0.2.66").added == 1);

  CHECK_FALSE(arrives(bad.get(), bad_end.get()));
  CHECK(arrives(good.get(), good_end.get()));
  CHECK_FALSE(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), kPatience));
  CHECK(tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", server.port(), kPatience));

  const auto traffic = at.wall->traffic(prefix("192.0.2.66")).value();
  CHECK(traffic.packets >= 2);
  CHECK(traffic.bytes >= traffic.packets * 40);
  CHECK(at.wall->traffic(prefix("192.0.2.77")).error().message() == "192.0.2.77 is not banned");

  CHECK(at.wall
            ->apply(
                std::vector<Change>{{Change::Kind::kRemove, 0, prefix("192.0.2.66"), std::nullopt}})
            .value()
            .removed == 1);
  CHECK(tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", server.port(), kPatience));
}
