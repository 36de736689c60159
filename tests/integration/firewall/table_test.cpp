#include "firewall/netlink_channel.h"
#include "firewall/netlink_firewall.h"
#include "firewall/strays.h"
#include "network.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <linux/netlink.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <poll.h>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace warder;
using firewall::ApplyReport;
using firewall::Change;
using firewall::Element;
using firewall::NetlinkFirewall;
using firewall::Scope;
using testing::Network;
using Kind = Change::Kind;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }
net::Prefix numbered(std::uint32_t i) {
  return net::Prefix(net::IpAddress::v4(0xC6120000 + i));  // 198.18.0.0/15
}

struct Setting {
  Network host;
  util::SystemClock clock;
  std::unique_ptr<NetlinkFirewall> wall = open();

  std::unique_ptr<NetlinkFirewall> open(const firewall::NetlinkOptions& options = {}) const {
    std::unique_ptr<NetlinkFirewall> opened;
    host.in([&] { opened = NetlinkFirewall::open(clock, options).value(); });
    return opened;
  }
  void ensure(const std::vector<Scope>& scopes = {Scope()}) const { REQUIRE(wall->ensure(scopes)); }
  Change add(const net::Prefix& address, std::chrono::seconds length) const {
    return {Kind::kAdd, 0, address, clock.now() + length};
  }
  ApplyReport apply(const std::vector<Change>& changes) const {
    return wall->apply(changes).value();
  }
  // What the kernel holds, with the time left in whole minutes ("for ever" as -1).
  std::map<std::string, long> held() const {
    std::map<std::string, long> all;
    host.in([&] {
      REQUIRE(wall->list([&](const Element& element) {
        all[element.prefix.to_string()] =
            element.end
                ? std::chrono::round<std::chrono::minutes>(*element.end - clock.now()).count()
                : -1;
        return true;
      }));
    });
    return all;
  }
  // Makes the kernel hold exactly these; how many strays were taken away.
  std::uint64_t hold(std::vector<Change> desired) const {
    for (Change& ban : desired) {
      ban.kind = Kind::kSet;
    }
    apply(desired);
    std::uint64_t strays = 0;
    host.in([&] {
      strays = firewall::remove_strays(
                   *wall,
                   [&](firewall::ScopeIndex scope, const net::Prefix& found) {
                     return std::any_of(desired.begin(), desired.end(), [&](const Change& ban) {
                       return ban.scope == scope && ban.prefix == found;
                     });
                   })
                   .value()
                   .removed;
    });
    return strays;
  }
  std::string nft(const std::string& command) const { return host.run({"nft", command}); }
};

using Held = std::map<std::string, long>;

// Waits for a notification without sleeping: within a second, as the contract says.
bool notices(NetlinkFirewall& wall) {
  pollfd wait{wall.watch_descriptor(), POLLIN, 0};
  return ::poll(&wait, 1, 1000) == 1 && wall.take_outside_change().value();
}

// Passes everything on, but spoils the key of one address in what is sent: the kernel then refuses
// that element.
class SpoilingChannel : public firewall::Channel {
 public:
  SpoilingChannel(std::unique_ptr<Channel> inner, const net::Prefix& victim)
      : inner_(std::move(inner)) {
    const auto bytes = util::as_bytes(victim.address().byte_view());
    victim_.assign(bytes.begin(), bytes.end());
  }
  int send(util::ByteView datagram) override {
    util::Bytes copy(datagram.begin(), datagram.end());
    // NFTA_DATA_VALUE of 4 bytes: shortened to 3, which is no key of this set.
    util::Bytes wanted{8, 0, 1, 0};
    wanted.insert(wanted.end(), victim_.begin(), victim_.end());
    auto at = copy.begin();
    while ((at = std::search(at, copy.end(), wanted.begin(), wanted.end())) != copy.end()) {
      *at = 7;
      ++at;
    }
    return inner_->send(copy);
  }
  int receive(std::span<std::uint8_t> buffer, std::size_t& length) override {
    return inner_->receive(buffer, length);
  }
  std::uint32_t port() const override { return inner_->port(); }

 private:
  std::unique_ptr<Channel> inner_;
  util::Bytes victim_;
};

// Loses the first answers to transactions, as when there is no room for them.
class LosingChannel : public firewall::Channel {
 public:
  LosingChannel(std::unique_ptr<Channel> inner, int losses)
      : inner_(std::move(inner)), losses_(losses) {}
  int send(util::ByteView datagram) override { return inner_->send(datagram); }
  int receive(std::span<std::uint8_t> buffer, std::size_t& length) override {
    if (losses_ > 0 && armed) {
      --losses_;
      while (inner_->receive(buffer, length) == 0) {
      }
      return ENOBUFS;
    }
    return inner_->receive(buffer, length);
  }
  std::uint32_t port() const override { return inner_->port(); }
  bool armed = false;

 private:
  std::unique_ptr<Channel> inner_;
  int losses_;
};

}  // namespace

TEST_CASE("ends: the longest wins, a past one does nothing, a set one is exact") {
  const Setting at;
  at.ensure();
  const auto a = prefix("198.51.100.1");
  const auto b = prefix("2001:db8::/64");
  CHECK(at.apply({at.add(a, 1h), at.add(b, 1h)}) == ApplyReport{2, 0, 0, 0, {}});
  CHECK(at.apply({at.add(a, 30min)}) == ApplyReport{0, 0, 1, 0, {}, 1});
  CHECK(at.held() == Held{{"198.51.100.1", 60}, {"2001:db8::/64", 60}});
  CHECK(at.apply({at.add(a, 3h)}) == ApplyReport{0, 1, 0, 0, {}});
  CHECK(at.apply({at.add(a, -1s)}) == ApplyReport{0, 0, 1, 0, {}});
  CHECK(at.held() == Held{{"198.51.100.1", 180}, {"2001:db8::/64", 60}});
  CHECK(at.apply({{Kind::kAdd, 0, b, std::nullopt}}) == ApplyReport{0, 1, 0, 0, {}});
  CHECK(at.apply({at.add(b, 2h)}) == ApplyReport{0, 0, 1, 0, {}, 1});
  CHECK(at.held() == Held{{"198.51.100.1", 180}, {"2001:db8::/64", -1}});
  CHECK(at.apply({{Kind::kSet, 0, a, at.clock.now() + 10min},
                  {Kind::kSet, 0, b, at.clock.now() + 20min}}) == ApplyReport{0, 2, 0, 0, {}});
  CHECK(at.held() == Held{{"198.51.100.1", 10}, {"2001:db8::/64", 20}});
  CHECK(at.apply({{Kind::kSet, 0, a, at.clock.now() - 1s}}) == ApplyReport{0, 0, 0, 1, {}});
  CHECK(at.held() == Held{{"2001:db8::/64", 20}});
}

TEST_CASE("a new end keeps the count of what was dropped") {
  const Setting at;
  at.ensure();
  at.apply({at.add(prefix("198.51.100.1"), 1h)});
  at.nft("delete element inet warder all_v4_32 { 198.51.100.1 }");
  at.nft(
      "add element inet warder all_v4_32 { 198.51.100.1 counter packets 7 bytes 420 timeout 1h }");
  CHECK(at.wall->traffic(prefix("198.51.100.1")).value() == firewall::Traffic{7, 420});
  CHECK(at.apply({at.add(prefix("198.51.100.1"), 2h)}) == ApplyReport{0, 1, 0, 0, {}});
  CHECK(at.wall->traffic(prefix("198.51.100.1")).value() == firewall::Traffic{7, 420});
}

TEST_CASE("unban, expiry and new ban: the last request counts") {
  const Setting at;
  at.ensure();
  const auto a = prefix("198.51.100.1");
  const Change remove{Kind::kRemove, 0, a, std::nullopt};
  CHECK(at.apply({remove}) == ApplyReport{0, 0, 1, 0, {}});
  CHECK(at.apply({at.add(a, 1h), remove}) == ApplyReport{0, 0, 2, 0, {}});
  CHECK(at.held().empty());
  CHECK(at.apply({at.add(a, 1h)}).added == 1);
  CHECK(at.apply({remove, at.add(a, 10min)}).extended == 1);
  CHECK(at.held() == Held{{"198.51.100.1", 10}});
  CHECK(at.apply({remove}).removed == 1);
  // An element that has ended by itself is not there, neither for a removal nor for an addition.
  CHECK(
      at.wall->apply(std::vector<Change>{{Kind::kAdd, 0, a, at.clock.now() + 2ms}}).value().added ==
      1);
  for (bool there = true; there;) {
    there = static_cast<bool>(at.wall->traffic(a));
  }
  CHECK(at.apply({remove}) == ApplyReport{0, 0, 1, 0, {}});
  CHECK(at.apply({at.add(a, 1h)}).added == 1);
}

TEST_CASE("bans survive the end of the process that made them") {
  const Setting at;
  const pid_t child = ::fork();
  if (child == 0) {
    at.host.in([&] {
      auto wall = NetlinkFirewall::open(at.clock).value();
      const bool done = wall->ensure(std::vector{Scope()}) &&
                        wall->apply(std::vector{at.add(prefix("198.51.100.1"), 1h)});
      ::kill(::getpid(), done ? SIGKILL : SIGTERM);
    });
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WTERMSIG(status) == SIGKILL);
  at.ensure();
  CHECK(at.held() == Held{{"198.51.100.1", 60}});
}

TEST_CASE("start reconciles: adds, corrects, removes strays and leaves the rest untouched") {
  const Setting at;
  at.ensure();
  at.apply({at.add(prefix("198.51.100.1"), 1h), at.add(prefix("198.51.100.2"), 1h),
            at.add(prefix("198.51.100.3"), 1h)});
  at.nft("delete element inet warder all_v4_32 { 198.51.100.1 }");
  at.nft(
      "add element inet warder all_v4_32 { 198.51.100.1 counter packets 9 bytes 540 timeout 1h }");

  Setting* const self = const_cast<Setting*>(&at);
  self->wall = at.open();
  at.ensure();
  CHECK(at.hold({at.add(prefix("198.51.100.1"), 1h), at.add(prefix("198.51.100.2"), 10min),
                 at.add(prefix("2001:db8::/48"), 1h)}) == 1);
  CHECK(at.held() == Held{{"198.51.100.1", 60}, {"198.51.100.2", 10}, {"2001:db8::/48", 60}});
  CHECK(at.wall->traffic(prefix("198.51.100.1")).value() == firewall::Traffic{9, 540});
}

TEST_CASE("many bans that the kernel has already are asked for first, and missing ones put in") {
  const Setting at;
  at.ensure();
  std::vector<Change> bans;
  for (std::uint32_t i = 0; i < 12'000; ++i) {
    bans.push_back(at.add(numbered(i), 1h));
  }
  const auto most = std::span(bans).first(9'000);
  CHECK(at.wall->apply(most).value() == ApplyReport{9'000, 0, 0, 0, {}});
  CHECK(at.wall->apply(bans).value() == ApplyReport{3'000, 0, 9'000, 0, {}});
  // Now it expects them there.
  CHECK(at.wall->apply(bans).value() == ApplyReport{0, 0, 12'000, 0, {}});
  for (Change& change : std::span(bans).first(5)) {
    change.end = at.clock.now() + 2h;
  }
  CHECK(at.wall->apply(bans).value() == ApplyReport{0, 5, 11'995, 0, {}});
  // With holes all over: of several in one question the kernel names the first only.
  std::vector<Change> holes;
  for (std::uint32_t i = 3; i < 12'000; i += 7) {
    holes.push_back({Kind::kRemove, 0, numbered(i), std::nullopt});
  }
  const auto missing = static_cast<std::uint32_t>(holes.size());
  CHECK(at.wall->apply(holes).value() == ApplyReport{0, 0, 0, missing, {}});
  CHECK(at.wall->apply(bans).value() == ApplyReport{missing, 0, 12'000 - missing, 0, {}});
  at.nft("flush set inet warder all_v4_32");
  CHECK(at.wall->apply(bans).value() == ApplyReport{12'000, 0, 0, 0, {}});
  CHECK(at.held().size() == 12'000);
}

TEST_CASE("what others do to the table is noticed at once and put right") {
  const auto command = GENERATE(
      std::string("flush ruleset"), std::string("delete table inet warder"),
      std::string("flush chain inet warder v4; delete set inet warder all_v4_32"),
      std::string("flush set inet warder all_v4_32"), std::string("flush chain inet warder v4"),
      std::string("flush chain inet warder prerouting; delete chain inet warder prerouting"),
      std::string("insert rule inet warder prerouting accept"),
      std::string("add table inet warder { flags dormant ; }"),
      std::string("delete element inet warder all_v4_32 { 198.51.100.1 }"),
      std::string("add element inet warder all_v4_32 { 203.0.113.1 }"));
  INFO(command);
  const Setting at;
  at.ensure();
  const std::vector<Change> desired{at.add(prefix("198.51.100.1"), 1h),
                                    at.add(prefix("198.51.100.2"), 1h)};
  CHECK(at.hold(desired) == 0);
  // Without elements and counters, which differ, and whatever the order of the chains.
  const auto listing = [&] {
    std::istringstream text(at.host.run({"nft", "-s", "-t", "list", "ruleset"}));
    std::multiset<std::string> lines;
    for (std::string line; std::getline(text, line);) {
      lines.insert(line);
    }
    return lines;
  };
  const auto before = listing();
  CHECK_FALSE(at.wall->take_outside_change().value());

  at.nft(command);

  CHECK(notices(*at.wall));
  at.ensure();
  at.hold(desired);
  CHECK(at.held() == Held{{"198.51.100.1", 60}, {"198.51.100.2", 60}});
  CHECK(listing() == before);
  CHECK_FALSE(at.wall->take_outside_change().value());
}

TEST_CASE("many bans at once are put in unheard, and an outsider's change is still noticed") {
  const Setting at;
  at.ensure();
  std::vector<Change> many;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    many.push_back(at.add(numbered(i), 1h));
  }
  const auto half = std::span(many).first(10'000);
  CHECK(at.wall->apply(half).value().added == 10'000);
  pollfd wait{at.wall->watch_descriptor(), POLLIN, 0};
  CHECK(::poll(&wait, 1, 0) == 0);  // nothing to be told of our own
  // Heard again as soon as they are in.
  at.nft("delete element inet warder all_v4_32 { 198.18.0.7 }");
  CHECK(notices(*at.wall));
  CHECK(at.wall->apply(many).value() == ApplyReport{10'001, 0, 9'999, 0, {}});
  CHECK_FALSE(at.wall->take_outside_change().value());
}

TEST_CASE("changes to other tables are none of ours") {
  const Setting at;
  at.ensure();
  at.nft("add table inet other; add chain inet other c; add table ip warder");
  pollfd wait{at.wall->watch_descriptor(), POLLIN, 0};
  CHECK(::poll(&wait, 1, 1000) == 1);
  CHECK_FALSE(at.wall->take_outside_change().value());
}

TEST_CASE("without its table a change is an error that leads to the rules being made again") {
  const Setting at;
  at.ensure();
  at.apply({at.add(prefix("198.51.100.1"), 1h)});
  at.nft("flush ruleset");
  for (const Change& change :
       {at.add(prefix("198.51.100.2"), 1h), at.add(prefix("198.51.100.0/24"), 1h)}) {
    const auto result = at.wall->apply(std::vector{change});
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == util::ErrorCode::kConflict);
    CHECK(result.error().message() == "the firewall's rules are not there; they are being rebuilt");
    at.ensure();
    at.nft("flush ruleset");
  }
}

TEST_CASE("ensure changes nothing where all is right, and only what is not") {
  const Setting at;
  const Scope web = Scope::parse("tcp", "80,443").value();
  const Scope mail = Scope::parse("tcp", "25").value();
  at.ensure({Scope(), web, mail});
  at.apply({at.add(prefix("198.51.100.1"), 1h),
            {Kind::kAdd, 1, prefix("198.51.100.2"), std::nullopt},
            {Kind::kAdd, 2, prefix("198.51.100.3"), std::nullopt}});
  const auto list = [&] { return at.host.run({"nft", "-a", "-t", "list", "ruleset"}); };
  const std::string before = list();
  at.ensure({Scope(), web, mail});
  // The same handles: nothing was made anew.
  const auto handles = [](const std::string& text) {
    std::string all;
    for (std::size_t i = text.find("handle "); i != std::string::npos;
         i = text.find("handle ", i + 1)) {
      all += text.substr(i, text.find('\n', i) - i) + " ";
    }
    return all;
  };
  CHECK(handles(list()) == handles(before));

  // A scope that is gone takes its bans with it; places may change.
  at.ensure({web, Scope()});
  CHECK(at.held() == Held{{"198.51.100.1", 60}, {"198.51.100.2", -1}});
  CHECK(at.nft("list ruleset").find("tcp_25") == std::string::npos);
  CHECK(at.apply({{Kind::kRemove, 0, prefix("198.51.100.2"), std::nullopt}}).removed == 1);

  CHECK(at.wall->ensure(std::vector{web, web}).error().message() ==
        "the scope tcp_80_443 was given twice");
}

TEST_CASE("a table that cannot be kept as it is, is made anew") {
  const Setting at;
  at.nft(
      "add table inet warder; add chain inet warder prerouting { type filter hook input priority "
      "0; }; add set inet warder all_v4_32 { type ipv4_addr; }");
  at.ensure();
  CHECK(at.apply({at.add(prefix("198.51.100.1"), 1h)}).added == 1);
  CHECK(at.nft("list chain inet warder prerouting")
            .find("type filter hook prerouting priority raw; policy accept;") != std::string::npos);
}

TEST_CASE("a packet of an address that is not banned meets few rules") {
  // Two rules to the chain of its family, one a set, one a port range of a scope in use.
  const Setting at;
  at.ensure({Scope(), Scope::parse("tcp", "80,443").value(), Scope::parse("tcp", "22").value()});
  const auto rules = [&](const std::string& chain) {
    const std::string text = at.nft("list chain inet warder " + chain);
    return std::count(text.begin(), text.end(), '\n') - 3;  // table, chain, two closing braces - 1
  };
  const auto empty = rules("v4");
  at.apply({at.add(prefix("198.51.100.1"), 1h),
            {Kind::kAdd, 0, prefix("203.0.113.0/24"), std::nullopt},
            {Kind::kAdd, 1, prefix("198.51.100.1"), std::nullopt}});
  CHECK(rules("v4") - empty == 4);
  CHECK(rules("v6") == empty);
  CHECK(rules("tcp_80_443_v4") - empty == 1);
}

TEST_CASE("one bad element in a thousand: 999 are banned and one is reported") {
  const Setting at;
  std::unique_ptr<NetlinkFirewall> wall;
  at.host.in([&] {
    wall =
        NetlinkFirewall::open(at.clock, {},
                              std::make_unique<SpoilingChannel>(
                                  firewall::open_channel(NETLINK_NETFILTER).value(), numbered(500)))
            .value();
  });
  REQUIRE(wall->ensure(std::vector{Scope()}));
  std::vector<Change> changes;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    changes.push_back(at.add(numbered(i), 1h));
  }
  const auto report = wall->apply(changes);
  REQUIRE(report);
  CHECK(report->added == 999);
  REQUIRE(report->refusals.size() == 1);
  CHECK(report->refusals[0] == firewall::Refusal{500, firewall::Reason::kKernel, {}, EINVAL});
  at.ensure();
  CHECK(at.held().size() == 999);
}

TEST_CASE("answers that are lost do not lose a ban") {
  const Setting at;
  std::unique_ptr<LosingChannel> channel_owner;
  LosingChannel* channel = nullptr;
  std::unique_ptr<NetlinkFirewall> wall;
  at.host.in([&] {
    channel_owner =
        std::make_unique<LosingChannel>(firewall::open_channel(NETLINK_NETFILTER).value(), 3);
    channel = channel_owner.get();
    wall = NetlinkFirewall::open(at.clock, {}, std::move(channel_owner)).value();
  });
  REQUIRE(wall->ensure(std::vector{Scope()}));
  REQUIRE(wall->apply(std::vector{at.add(numbered(0), 1h)}));
  channel->armed = true;
  const auto report = wall->apply(std::vector{at.add(numbered(1), 1h), at.add(numbered(2), 1h)});
  REQUIRE(report);
  // The kernel had taken them in the moment the answer was lost; the question afterwards shows it.
  CHECK(*report == ApplyReport{0, 0, 2, 0, {}});
  at.ensure();
  CHECK(at.held().size() == 3);
}

TEST_CASE("without counters a ban is a bare element, and a changed mind makes the table anew") {
  const Setting at;
  const auto wall = at.open({.counters = false});
  REQUIRE(wall->ensure(std::vector{Scope()}));
  const auto a = prefix("198.51.100.1");
  CHECK(wall->apply(std::vector<Change>{{Kind::kAdd, 0, a, std::nullopt}}).value().added == 1);
  CHECK(at.nft("list set inet warder all_v4_32").find("counter") == std::string::npos);
  CHECK(wall->traffic(a).value() == firewall::Traffic{0, 0, false});
  CHECK(wall->apply(std::vector<Change>{{Kind::kSet, 0, a, at.clock.now() + 2h}}).value() ==
        ApplyReport{0, 1, 0, 0, {}});
  CHECK(wall->traffic(a).value() == firewall::Traffic{0, 0, false});
  CHECK(wall->apply(std::vector{at.add(a, 1h)}).value().outlasting == 1);

  const auto counting = at.open({.counters = true});
  REQUIRE(counting->ensure(std::vector{Scope()}));
  CHECK(counting->traffic(a).error().code() == util::ErrorCode::kNotFound);
  CHECK(counting->apply(std::vector{at.add(a, 1h)}).value().added == 1);
  CHECK(counting->traffic(a).value() == firewall::Traffic{0, 0, true});
}

TEST_CASE("what nft lists of the table, an operator can save and load") {
  const Setting at;
  const testing::TemporaryFolder folder;
  const std::string saved = (folder.path() / "saved.nft").string();
  const std::vector<Scope> scopes{Scope(), Scope::parse("tcp", "80,443,8000:8100").value(),
                                  Scope::parse("udp", "").value(),
                                  Scope::parse("any", "53").value()};
  for (const bool counters : {true, false}) {
    for (const auto block_type : {firewall::BlockType::kDrop, firewall::BlockType::kReject}) {
      const auto wall = at.open({.block_type = block_type, .counters = counters});
      REQUIRE(wall->ensure(scopes));
      std::vector<Change> bans;
      for (firewall::ScopeIndex scope = 0; scope < scopes.size(); ++scope) {
        for (const char* address :
             {"198.51.100.1", "198.51.100.0/24", "2001:db8::1", "2001:db8::/64", "2001:db8::/56"}) {
          bans.push_back({Kind::kAdd, scope, prefix(address), std::nullopt});
        }
      }
      REQUIRE(wall->apply(bans).value().added == bans.size());
      const std::string listed = at.nft("list ruleset");
      CHECK(listed.find("ip saddr & 255.255.255.0 == @all_v4_24 counter") != std::string::npos);
      std::ofstream(saved) << listed;
      at.nft("flush ruleset");
      at.host.run({"nft", "-f", saved});
      CHECK(at.nft("list ruleset") == listed);
      REQUIRE(wall->ensure(scopes));
      CHECK(wall->apply(bans).value().unchanged == bans.size());
      REQUIRE(wall->remove_all());
    }
  }
}

TEST_CASE("a full set refuses what is too much and takes the rest") {
  const Setting at;
  const auto wall = at.open({.max_elements = 10});
  REQUIRE(wall->ensure(std::vector{Scope()}));
  std::vector<Change> changes;
  for (std::uint32_t i = 0; i < 12; ++i) {
    changes.push_back(at.add(numbered(i), 1h));
  }
  const auto report = wall->apply(changes).value();
  CHECK(report.added == 10);
  REQUIRE(report.refusals.size() == 2);
  CHECK(describe(report.refusals[0], changes[report.refusals[0].change].prefix) ==
        changes[report.refusals[0].change].prefix.to_string() +
            " is not banned: the kernel's set is full; raise max_elements");
  // There is room again when one goes.
  CHECK(wall->apply(std::vector<Change>{{Kind::kRemove, 0, numbered(0), std::nullopt},
                                        at.add(numbered(100), 1h)})
            .value() == ApplyReport{1, 0, 0, 1, {}});
}

TEST_CASE("two thousand elements are listed with their ends") {
  const Setting at;
  at.ensure();
  std::vector<Change> changes;
  Held expected;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    changes.push_back(at.add(numbered(i), std::chrono::minutes(60 + i)));
    expected[numbered(i).to_string()] = 60 + i;
  }
  CHECK(at.apply(changes).added == 2000);
  CHECK(at.held() == expected);
  int seen = 0;
  at.host.in([&] { REQUIRE(at.wall->list([&](const Element&) { return ++seen < 7; })); });
  CHECK(seen == 7);
}

TEST_CASE("uninstalling leaves nothing behind, twice") {
  const Setting at;
  at.ensure();
  at.apply({at.add(prefix("198.51.100.1"), 1h)});
  CHECK(at.wall->remove_all());
  CHECK(at.nft("list ruleset").empty());
  CHECK(at.wall->remove_all());
}

TEST_CASE("without the capability the error says what to do") {
  const Setting at;
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    at.host.in([&] {
      if (::setresuid(65534, 65534, 65534) == 0) {
        const auto wall = NetlinkFirewall::open(at.clock);
        const bool right =
            !wall && wall.error().code() == util::ErrorCode::kDenied &&
            wall.error().message() ==
                "the kernel does not let this process change the firewall: it lacks CAP_NET_ADMIN; "
                "start it as root, or through warder-firewall.service, which grants it";
        status = right ? 0 : 2;
        ::_exit(status);
      }
    });
    ::_exit(status);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}
