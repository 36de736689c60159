#include "firewall/host_addresses.h"
#include "firewall/login_sessions.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <utmp.h>

using namespace warder;
using firewall::LoginSessions;

namespace {

net::IpAddress ip(std::string_view text) { return net::IpAddress::parse(text).value(); }

std::string utmp_entry(short type, const net::IpAddress& address) {
  utmp entry{};
  entry.ut_type = type;
  std::memcpy(entry.ut_addr_v6, address.bytes().data(), address.size());
  return {reinterpret_cast<const char*>(&entry), sizeof entry};
}

}  // namespace

TEST_CASE("a session file of logind names the peer") {
  CHECK(firewall::peer_of_session("# private\nUID=1000\nREMOTE=1\nREMOTE_HOST=198.51.100.7\n"
                                  "SERVICE=sshd\nSTATE=active\n") == ip("198.51.100.7"));
  CHECK(firewall::peer_of_session("REMOTE_HOST=2001:db8::7\nREMOTE=1\n") == ip("2001:db8::7"));
  CHECK_FALSE(firewall::peer_of_session("REMOTE=0\nREMOTE_HOST=198.51.100.7\n"));
  CHECK_FALSE(firewall::peer_of_session("REMOTE_HOST=198.51.100.7\nSTATE=closing\n"));
  CHECK_FALSE(firewall::peer_of_session("REMOTE_HOST=host.example\nREMOTE=1\n"));
  CHECK_FALSE(firewall::peer_of_session(""));
}

TEST_CASE("utmp names the peers of running logins") {
  const std::string file = utmp_entry(USER_PROCESS, ip("198.51.100.7")) +
                           utmp_entry(DEAD_PROCESS, ip("198.51.100.8")) +
                           utmp_entry(USER_PROCESS, ip("0.0.0.0")) +
                           utmp_entry(USER_PROCESS, ip("2001:db8::9")) + "torn";
  CHECK(firewall::peers_of_utmp(util::as_bytes(file)) ==
        std::vector{ip("198.51.100.7"), ip("2001:db8::9")});
}

TEST_CASE("logins are read again when the folder changes") {
  const testing::TemporaryFolder folder;
  LoginSessions sessions(folder / "sessions", folder / "utmp");
  sessions.refresh();
  CHECK_FALSE(sessions.is_known());

  folder.write("sessions/1", "REMOTE=1\nREMOTE_HOST=198.51.100.7\n");
  sessions.refresh();
  CHECK(sessions.is_known());
  CHECK(sessions.peers() == std::vector{ip("198.51.100.7")});

  folder.write("utmp", utmp_entry(USER_PROCESS, ip("198.51.100.8")));
  sessions.refresh();
  CHECK(sessions.peers() == std::vector{ip("198.51.100.7"), ip("198.51.100.8")});
}
