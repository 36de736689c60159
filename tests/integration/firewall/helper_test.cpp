#include "firewall/helper_client.h"
#include "firewall/helper_protocol.h"
#include "firewall/helper_server.h"
#include "network.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <random>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace warder;
using firewall::ApplyReport;
using firewall::Change;
using firewall::HelperClient;
using firewall::HelperOptions;
using firewall::Reason;
using firewall::Scope;
using testing::Network;
using Kind = Change::Kind;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }

// A helper process in a namespace, on one end of a pair of sockets or on a path.
class Helper {
 public:
  Helper(const Network& network, HelperOptions options) {
    int ready[2];
    int ends[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    const util::Descriptor is_ready(ready[0]);
    util::Descriptor say_ready(ready[1]);
    socket_.reset(ends[0]);
    util::Descriptor theirs(ends[1]);
    child_ = ::fork();
    if (child_ == 0) {
      // A failing test must not leave it behind.
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      socket_.reset();
      network.in([&] {
        if (options.listen.empty()) {
          options.inherited_fd = theirs.release();
        }
        options.on_ready = [&] { [[maybe_unused]] auto n = ::write(say_ready.get(), "y", 1); };
        const auto status = firewall::serve(options);
        ::_exit(status ? 0 : 1);
      });
    }
    say_ready.reset();
    char byte = 0;
    is_ready_ = ::read(is_ready.get(), &byte, 1) == 1;
  }
  ~Helper() { stop(SIGKILL); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  bool is_ready() const { return is_ready_; }
  util::Descriptor take_socket() { return std::move(socket_); }
  pid_t pid() const { return child_; }
  int stop(int signal) {
    int status = 0;
    if (child_ > 0) {
      ::kill(child_, signal);
      ::waitpid(child_, &status, 0);
      child_ = -1;
    }
    return status;
  }
  // It ended by itself.
  int wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

 private:
  pid_t child_ = -1;
  util::Descriptor socket_;
  bool is_ready_ = false;
};

struct Setting {
  Network host;
  Network outside;
  util::SystemClock clock;
  testing::TemporaryFolder folder;
  HelperOptions options;

  Setting() {
    host.connect("in", {"192.0.2.1/24", "2001:db8:1::1/64"}, outside, "out",
                 {"192.0.2.66/24", "192.0.2.77/24", "2001:db8:1::66/64"});
    host.run({"ip", "route", "add", "default", "via", "192.0.2.254"});
    options.protection.sessions_folder = folder / "sessions";
    options.protection.utmp = folder / "utmp";
    folder.write("sessions/0", "REMOTE=0\n");
    options.protection.never_ban = {prefix("203.0.113.0/24"), prefix("2001:db8:5::5")};
  }
  Change add(std::string_view address) const {
    return {Kind::kAdd, 0, prefix(address), clock.now() + 1h};
  }
  std::string table() const { return host.run({"nft", "list", "ruleset"}); }
};

firewall::HelperConnector once(util::Descriptor socket) {
  auto held = std::make_shared<util::Descriptor>(std::move(socket));
  return [held]() -> util::Result<util::Descriptor> {
    if (!*held) {
      return util::Error(util::ErrorCode::kUnavailable, "there is no other helper");
    }
    return std::move(*held);
  };
}

// Polls what the owner polls, until it says true; no sleeping.
bool comes_back(HelperClient& client) {
  for (int i = 0; i < 1000; ++i) {
    pollfd wait{client.watch_descriptor(), POLLIN, 0};
    if (::poll(&wait, 1, 5000) != 1) {
      return false;
    }
    const auto change = client.take_outside_change();
    if (change && *change) {
      return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("through the helper everything works as it does directly") {
  Setting at;
  Helper helper(at.host, at.options);
  REQUIRE(helper.is_ready());
  HelperClient client(once(helper.take_socket()), at.clock);
  REQUIRE(
      client.ensure(std::vector{Scope(), Scope::parse("tcp", "1,3,5,7,9,11,13,15,80").value()}));
  CHECK(client.apply(std::vector{at.add("192.0.2.66"), at.add("2001:db8:9::/48")}).value() ==
        ApplyReport{2, 0, 0, 0, {}});
  CHECK(client.apply(std::vector{at.add("192.0.2.66")}).value() == ApplyReport{0, 0, 1, 0, {}});
  CHECK(at.table().find("tcp_1_3_5_7_9_11_13_15_80") == std::string::npos);
  CHECK(client.apply(std::vector<Change>{{Kind::kAdd, 1, prefix("192.0.2.66"), std::nullopt}})
            .value()
            .added == 1);
  CHECK(at.table().find("tcp_1_3_5_7_9_11_13_15_80") != std::string::npos);
  std::map<std::string, long> held;
  CHECK(client.list([&](const firewall::Element& element) {
    held[std::to_string(element.scope) + " " + element.prefix.to_string()] =
        element.end
            ? std::chrono::round<std::chrono::minutes>(*element.end - at.clock.now()).count()
            : -1;
    return true;
  }));
  CHECK(held == std::map<std::string, long>{
                    {"0 192.0.2.66", 60}, {"0 2001:db8:9::/48", 60}, {"1 192.0.2.66", -1}});
  CHECK(client.traffic(prefix("192.0.2.66")).value() == firewall::Traffic{0, 0});
  CHECK(client.traffic(prefix("192.0.2.67")).error().message() == "192.0.2.67 is not banned");

  std::vector<Change> many;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    many.push_back({Kind::kAdd, 0, net::Prefix(net::IpAddress::v4(0xC6120000 + i)), std::nullopt});
  }
  CHECK(client.apply(many).value() == ApplyReport{10'000, 0, 0, 0, {}});
  CHECK(client.remove_all());
  CHECK(at.table().empty());
  CHECK(client.apply(many).error().code() == util::ErrorCode::kConflict);
}

TEST_CASE("the helper refuses whom it must never ban, whatever the caller says") {
  Setting at;
  at.folder.write("sessions/1", "REMOTE=1\nREMOTE_HOST=192.0.2.77\nSTATE=active\n");
  Helper helper(at.host, at.options);
  REQUIRE(helper.is_ready());
  HelperClient client(once(helper.take_socket()), at.clock);
  REQUIRE(client.ensure(std::vector{Scope()}));
  const auto why = [&](std::string_view address) -> std::string {
    const auto report = client.apply(std::vector{at.add(address)});
    REQUIRE(report);
    return report->refusals.empty() ? "banned" : describe(report->refusals[0], prefix(address));
  };
  const std::string is_reserved = ", reserved (loopback, link-local, multicast or the like)";
  CHECK(why("127.0.0.1") == "127.0.0.1 is not banned: it lies in 127.0.0.0/8" + is_reserved);
  CHECK(why("::1") ==
        "::1 is not banned: it is reserved (loopback, link-local, multicast or the like)");
  CHECK(why("224.0.0.5") == "224.0.0.5 is not banned: it lies in 224.0.0.0/4" + is_reserved);
  CHECK(why("fe80::1") == "fe80::1 is not banned: it lies in fe80::/10" + is_reserved);
  CHECK(why("0.0.0.0/0") == "0.0.0.0/0 is not banned: it contains 0.0.0.0/8" + is_reserved);
  CHECK(why("::/0") == "::/0 is not banned: it contains ::" + is_reserved);
  CHECK(why("198.0.0.0/15") ==
        "198.0.0.0/15 is not banned: it covers too many addresses; lower min_prefix_ipv4 or "
        "min_prefix_ipv6 if that is meant");
  CHECK(why("192.0.2.1") == "192.0.2.1 is not banned: it is an address of this host");
  CHECK(why("192.0.2.0/28") ==
        "192.0.2.0/28 is not banned: it contains 192.0.2.1, an address of this host");
  CHECK(why("2001:db8:1::/64") ==
        "2001:db8:1::/64 is not banned: it contains 2001:db8:1::1, an address of this host");
  CHECK(why("192.0.2.254") == "192.0.2.254 is not banned: it is a default gateway");
  CHECK(why("203.0.113.9") ==
        "203.0.113.9 is not banned: it lies in 203.0.113.0/24, on the never-ban list");
  CHECK(why("2001:db8:5::/48") ==
        "2001:db8:5::/48 is not banned: it contains 2001:db8:5::5, on the never-ban list");

  // An administrator: logged in, and connected. An attacker is only connected.
  const testing::TcpServer sshd(at.host, "192.0.2.1", 22);
  const auto admin = tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", 22, testing::kArrival);
  const auto attacker = tcp_connect(at.outside, "192.0.2.66", "192.0.2.1", 22, testing::kArrival);
  REQUIRE(admin);
  REQUIRE(attacker);
  // Only then are they established on this side too.
  const auto admin_end = sshd.accept();
  const auto attacker_end = sshd.accept();
  CHECK(why("192.0.2.77") ==
        "192.0.2.77 is not banned: it is where an administrator is logged in from");
  CHECK(why("192.0.2.66") == "banned");

  // An address that the host gets later is protected from then on, and its ban is taken out.
  CHECK(why("192.0.2.9") == "banned");
  at.host.run({"ip", "address", "add", "192.0.2.9/24", "dev", "in"});
  CHECK(why("192.0.2.9") == "192.0.2.9 is not banned: it is an address of this host");
  CHECK(client.traffic(prefix("192.0.2.9")).error().code() == util::ErrorCode::kNotFound);
  at.host.run({"ip", "address", "del", "192.0.2.9/24", "dev", "in"});
  CHECK(why("192.0.2.9") == "banned");
}

TEST_CASE("on a host without records of logins a connection to sshd protects") {
  Setting at;
  at.options.protection.sessions_folder = at.folder / "nothing";
  Helper helper(at.host, at.options);
  HelperClient client(once(helper.take_socket()), at.clock);
  REQUIRE(client.ensure(std::vector{Scope()}));
  const testing::TcpServer sshd(at.host, "192.0.2.1", 22);
  const auto admin = tcp_connect(at.outside, "192.0.2.77", "192.0.2.1", 22, testing::kArrival);
  REQUIRE(admin);
  const auto admin_end = sshd.accept();
  const auto report = client.apply(std::vector{at.add("192.0.2.77"), at.add("192.0.2.66")}).value();
  CHECK(report.added == 1);
  REQUIRE(report.refusals.size() == 1);
  CHECK(report.refusals[0].reason == Reason::kSshPeer);
}

TEST_CASE("an outside flush reaches the owner through the helper") {
  Setting at;
  Helper helper(at.host, at.options);
  HelperClient client(once(helper.take_socket()), at.clock);
  REQUIRE(client.ensure(std::vector{Scope()}));
  REQUIRE(client.apply(std::vector{at.add("192.0.2.66")}));
  at.host.run({"nft", "flush", "ruleset"});
  pollfd wait{client.watch_descriptor(), POLLIN, 0};
  REQUIRE(::poll(&wait, 1, 1000) == 1);
  CHECK(client.take_outside_change().value());
  REQUIRE(client.ensure(std::vector{Scope()}));
  CHECK(client.apply(std::vector{at.add("192.0.2.66")}).value().added == 1);
  CHECK(at.table().find("192.0.2.66") != std::string::npos);
}

TEST_CASE("a helper that dies is found out, and its successor gets everything again") {
  Setting at;
  at.options.listen = at.folder / "socket";
  auto helper = std::make_unique<Helper>(at.host, at.options);
  REQUIRE(helper->is_ready());
  HelperClient client(firewall::connect_to(at.options.listen), at.clock,
                      {.answer_limit = 2000ms, .first_retry = 1ms, .longest_retry = 5ms});
  REQUIRE(client.ensure(std::vector{Scope()}));
  REQUIRE(client.apply(std::vector{at.add("192.0.2.66")}));

  helper->stop(SIGKILL);
  const auto first = client.apply(std::vector{at.add("192.0.2.77")});
  REQUIRE_FALSE(first);
  CHECK(first.error().code() == util::ErrorCode::kUnavailable);
  CHECK(first.error().message() == "the firewall helper is away: it closed the connection");
  CHECK_FALSE(client.connected());
  CHECK(at.table().find("192.0.2.66") != std::string::npos);

  // The socket that the dead helper left does not keep the next one out.
  helper = std::make_unique<Helper>(at.host, at.options);
  REQUIRE(helper->is_ready());
  CHECK(comes_back(client));
  CHECK(client.apply(std::vector{at.add("192.0.2.77")}).error().code() ==
        util::ErrorCode::kConflict);
  REQUIRE(client.ensure(std::vector{Scope()}));
  const std::vector<Change> desired{at.add("192.0.2.66"), at.add("192.0.2.77")};
  CHECK(client.apply(desired).value() == firewall::ApplyReport{1, 0, 1, 0, {}});
  // A second helper on the same path finds the first.
  CHECK_FALSE(Helper(at.host, at.options).is_ready());
  CHECK(helper->stop(SIGTERM) == 0);
}

TEST_CASE("a helper that is not there yet is awaited") {
  Setting at;
  at.options.listen = at.folder / "socket";
  HelperClient client(firewall::connect_to(at.options.listen), at.clock,
                      {.answer_limit = 2000ms, .first_retry = 1ms, .longest_retry = 5ms});
  const auto status = client.ensure(std::vector{Scope()});
  REQUIRE_FALSE(status);
  CHECK(status.error().message() == "the firewall helper is away: " + at.options.listen.string() +
                                        ": No such file or directory; is warder-firewall.service "
                                        "running?");
  Helper helper(at.host, at.options);
  CHECK(comes_back(client));
  CHECK(client.ensure(std::vector{Scope()}));
}

TEST_CASE("a helper that hangs, answers rubbish or another version costs one limit") {
  const auto answer = GENERATE(std::string("nothing"), std::string("rubbish"),
                               std::string("version"), std::string("other"));
  INFO(answer);
  util::SystemClock clock;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  const util::Descriptor theirs(ends[1]);
  HelperClient client(once(util::Descriptor(ends[0])), clock, {.answer_limit = 20ms});
  auto datagram = firewall::wire::datagram_of({firewall::wire::Kind::kAnswer, 1, 0, 0, 0});
  if (answer == "rubbish") {
    datagram.fill(0x41);
  } else if (answer == "version") {
    datagram[4] = 2;
  } else if (answer == "other") {
    datagram[8] = 77;
  }
  if (answer != "nothing") {
    REQUIRE(::send(theirs.get(), datagram.data(), datagram.size(), 0) > 0);
  }
  const std::map<std::string, std::string> texts{
      {"nothing", "no answer within 20 ms"},
      {"rubbish", "its answer is none"},
      {"version",
       "it speaks version 2 of the messages, the agent version 1; restart both after an upgrade"},
      {"other", "its answer belongs to another request"}};
  const std::string expected = "the firewall helper is away: " + texts.at(answer);
  CHECK(client.ensure(std::vector{Scope()}).error().message() == expected);
  // The next call does not wait again.
  CHECK(client.ensure(std::vector{Scope()}).error().message() == expected);
  CHECK_FALSE(client.connected());
}

TEST_CASE("the helper listens to its caller and to root only") {
  Setting at;
  at.options.listen = at.folder / "socket";
  at.options.allowed_uid = 4711;
  Helper helper(at.host, at.options);
  REQUIRE(helper.is_ready());
  std::filesystem::permissions(at.folder.path(), std::filesystem::perms::all);
  std::filesystem::permissions(at.options.listen, std::filesystem::perms::all);
  const auto may = [&](uid_t uid) {
    const pid_t child = ::fork();
    if (child == 0) {
      int status = 1;
      if (::setresuid(uid, uid, uid) == 0) {
        HelperClient client(firewall::connect_to(at.options.listen), at.clock);
        status = client.ensure(std::vector{Scope()}) ? 0 : 1;
      }
      ::_exit(status);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 0;
  };
  CHECK(may(4711));
  CHECK(may(0));
  CHECK_FALSE(may(4712));
}

TEST_CASE("the helper holds CAP_NET_ADMIN and nothing else, and ends with its caller") {
  Setting at;
  Helper helper(at.host, at.options);
  REQUIRE(helper.is_ready());
  const std::string status =
      testing::run_program({"cat", "/proc/" + std::to_string(helper.pid()) + "/status"});
  CHECK(status.find("CapPrm:\t0000000000001000") != std::string::npos);
  CHECK(status.find("CapEff:\t0000000000001000") != std::string::npos);
  CHECK(status.find("CapBnd:\t0000000000001000") != std::string::npos);
  CHECK(status.find("NoNewPrivs:\t1") != std::string::npos);
  helper.take_socket().reset();
  CHECK(helper.wait() == 0);
}

TEST_CASE("random messages neither stop the helper nor change anything but its table") {
  Setting at;
  at.options.listen = at.folder / "socket";
  Helper helper(at.host, at.options);
  REQUIRE(helper.is_ready());
  at.host.run({"nft", "add table inet other; add chain inet other c"});
  // The helper drops one connection after the other; until it has, the next one finds no place in
  // the queue of the socket and has to come again.
  const auto connect = [connector = firewall::connect_to(at.options.listen)] {
    for (int attempt = 0; attempt < 10'000; ++attempt) {
      if (auto socket = connector()) {
        return socket;
      }
      ::poll(nullptr, 0, 1);
    }
    return connector();
  };
  std::mt19937_64 random(20261122);
  util::Descriptor socket = connect().value();
  for (int i = 0; i < 20'000; ++i) {
    std::array<std::uint8_t, 5000> bytes;
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    std::size_t size = random() % bytes.size();
    if (random() % 4 != 0) {
      // A good header in front, so that the records are read.
      const auto kind = static_cast<firewall::wire::Kind>(1 + random() % 5);
      const auto total = static_cast<std::uint32_t>(random() % 300);
      const auto count = static_cast<std::uint16_t>(random() % 128);
      const auto good =
          firewall::wire::datagram_of({kind, static_cast<std::uint64_t>(i), total, 0, count});
      std::copy_n(good.begin(), firewall::wire::kHeader, bytes.begin());
      size = firewall::wire::kDatagram;
    }
    // Cut off for its rubbish, or not read in time: the next connection goes on.
    if (::send(socket.get(), bytes.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      socket = connect().value();
    }
    std::array<std::uint8_t, firewall::wire::kDatagram> answer;
    while (::recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT) > 0) {
    }
  }
  socket.reset();
  HelperClient client(connect, at.clock);
  REQUIRE(client.ensure(std::vector{Scope()}));
  CHECK(client.apply(std::vector{at.add("192.0.2.66")}).value().added == 1);
  CHECK(at.table().find("table inet other") != std::string::npos);
}
