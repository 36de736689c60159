#include "engine/firewall_control.h"

#include "firewall/recording_firewall.h"
#include "unit/engine/engine_support.h"

using namespace warder;
using namespace std::chrono_literals;
using engine::Effect;
using engine::FirewallControl;
using firewall::Scope;
using testing::prefix;

namespace {

using Lines = std::vector<std::string>;

constexpr jail::JailIndex kSshd = 0;
constexpr jail::JailIndex kCaddy = 1;
constexpr jail::JailIndex kVaultwarden = 2;  // the ports of caddy

const char* const kDetectOnly =
    "firewall critical detect only: bans are decided but not in effect, because the helper is away";

class ControlFixture : public testing::RecorderFixture {
 public:
  ControlFixture() {
    const Scope web = Scope::parse("tcp", "80,443").value();
    control.use_scopes({Scope(), web, web});
  }

  void ban(jail::JailIndex jail, const char* address,
           std::optional<std::chrono::microseconds> length) {
    std::optional<util::WallTime> end;
    if (length) {
      end = clock.now() + *length;
    }
    bans.add({jail, prefix(address), end, false, false});
    control.ban(jail, prefix(address), end);
  }
  void lift(jail::JailIndex jail, const char* address) {
    bans.remove(jail, prefix(address));
    control.lifted(jail, prefix(address));
  }
  // What became of the bans since the last flush.
  Lines flush() {
    Lines lines;
    control.flush([&](std::size_t place, const std::optional<std::string>& refusal, bool effect) {
      lines.push_back(std::to_string(place) + (effect ? " in effect" : " not in effect") +
                      (refusal ? ": " + *refusal : ""));
    });
    return lines;
  }
  bool reaches(const char* address, const char* ports) {
    return !kernel.drops(Scope::parse("tcp", ports).value(), *net::IpAddress::parse(address));
  }
  static util::Error away() { return {util::ErrorCode::kUnavailable, "the helper is away"}; }

  firewall::RecordingFirewall kernel{clock};
  jail::BanTable bans{jail::HashKey{}};
  FirewallControl control{kernel, bans, recorder, clock};
};

}  // namespace

TEST_CASE("before it was set up nothing is in effect") {
  ControlFixture fixture;
  CHECK(fixture.control.effect() == Effect::kDetectOnly);
  CHECK(fixture.control.reason() == "not set up yet");
  fixture.ban(kSshd, "192.0.2.1", 10min);
  CHECK(fixture.flush() == Lines{"0 not in effect"});
  REQUIRE(fixture.control.bring_up());
  CHECK(fixture.control.effect() == Effect::kEnforcing);
  CHECK(fixture.control.reason().empty());
  CHECK(fixture.kernel.journal() == Lines{"add all 192.0.2.1 until 2026-11-02T12:10:00Z"});
  CHECK(fixture.all_told().empty());  // an ordinary start
}

TEST_CASE("jails with the same ports share a scope, and the longest end wins") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kSshd, "192.0.2.1", 5min);
  fixture.ban(kCaddy, "192.0.2.1", 20min);
  fixture.ban(kVaultwarden, "192.0.2.1", 10min);
  CHECK(fixture.flush() == Lines{"0 in effect", "1 in effect", "2 in effect"});
  CHECK(fixture.kernel.journal() == Lines{"add all 192.0.2.1 until 2026-11-02T12:05:00Z",
                                          "add tcp_80_443 192.0.2.1 until 2026-11-02T12:20:00Z"});
  // Told again as a whole: nothing changes.
  fixture.control.settle();
  CHECK(fixture.kernel.journal().size() == 2);
  CHECK(fixture.kernel.size() == 2);
}

TEST_CASE("a lifted ban leaves what another jail of the scope holds") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kCaddy, "192.0.2.1", 20min);
  fixture.ban(kVaultwarden, "192.0.2.1", 10min);
  fixture.flush();
  fixture.lift(kCaddy, "192.0.2.1");
  CHECK(fixture.flush().empty());
  fixture.lift(kVaultwarden, "192.0.2.1");
  CHECK(fixture.flush().empty());
  CHECK(fixture.kernel.journal() == Lines{"add tcp_80_443 192.0.2.1 until 2026-11-02T12:20:00Z",
                                          "extend tcp_80_443 192.0.2.1 until 2026-11-02T12:10:00Z",
                                          "remove tcp_80_443 192.0.2.1"});
  CHECK(fixture.reaches("192.0.2.1", "80,443"));
}

TEST_CASE("a ban for ever outlives a shorter one, and observed bans never reach the kernel") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kCaddy, "192.0.2.1", {});
  fixture.ban(kVaultwarden, "192.0.2.1", 10min);
  fixture.flush();
  fixture.lift(kVaultwarden, "192.0.2.1");
  fixture.flush();
  fixture.bans.add({kSshd, prefix("192.0.2.9"), {}, true, false});
  fixture.control.settle();
  CHECK(fixture.kernel.journal() == Lines{"add tcp_80_443 192.0.2.1 for ever"});
}

TEST_CASE("a refusal is told to the ban that met it, the others take effect") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.kernel.refuse(prefix("192.0.2.2"), firewall::Reason::kOwnAddress);
  fixture.ban(kSshd, "192.0.2.1", 10min);
  fixture.ban(kSshd, "192.0.2.2", 10min);
  fixture.ban(kSshd, "192.0.2.3", 10min);
  CHECK(fixture.flush() ==
        Lines{"0 in effect", "1 in effect: 192.0.2.2 is not banned: it is an address of this host",
              "2 in effect"});
  CHECK(fixture.kernel.size() == 2);
  CHECK(fixture.control.effect() == Effect::kEnforcing);
  CHECK(fixture.all_told().empty());
}

TEST_CASE("a failure is told once, bans go on, and all is put back when it is over") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.kernel.fail_with(ControlFixture::away());
  fixture.ban(kSshd, "192.0.2.1", 10min);
  CHECK(fixture.flush() == Lines{"0 not in effect"});
  CHECK(fixture.control.effect() == Effect::kDetectOnly);
  CHECK(fixture.control.reason() == "the helper is away");
  CHECK(fixture.control.retry_at() == fixture.clock.monotonic() + 5s);
  fixture.ban(kCaddy, "192.0.2.2", 10min);
  CHECK(fixture.flush() == Lines{"0 not in effect"});

  fixture.control.retry();  // not due
  CHECK(fixture.control.retry_at() == fixture.clock.monotonic() + 5s);
  fixture.clock.advance(5s);
  fixture.control.retry();  // in vain
  CHECK(fixture.control.retry_at() == fixture.clock.monotonic() + 5s);
  CHECK(fixture.all_told() == Lines{kDetectOnly});

  fixture.kernel.fail_with({});
  fixture.clock.advance(5s);
  fixture.control.retry();
  CHECK(fixture.control.effect() == Effect::kEnforcing);
  CHECK_FALSE(fixture.control.retry_at().has_value());
  CHECK(fixture.all_told() ==
        Lines{kDetectOnly, "firewall notice the firewall is in effect again, with 2 bans"});
  const auto events = fixture.recorded();
  CHECK(events[0].detail == R"({"incident":"firewall/effect","state":"bad"})");
  CHECK(events[1].detail == R"({"incident":"firewall/effect","state":"good"})");
  CHECK_FALSE(fixture.reaches("192.0.2.1", "22"));
  CHECK_FALSE(fixture.reaches("192.0.2.2", "80,443"));
  CHECK(fixture.reaches("192.0.2.2", "22"));
}

TEST_CASE("what was told before a restart is told to be over after it") {
  ControlFixture fixture;
  fixture.control.failed_before();
  REQUIRE(fixture.control.bring_up());
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 1);
  CHECK(events[0].message == "the firewall is in effect again, with 0 bans");
  CHECK(events[0].detail == R"({"incident":"firewall/effect","state":"good"})");
}

TEST_CASE("what an outsider took away is put back and told") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kSshd, "192.0.2.1", 10min);
  fixture.ban(kSshd, "2001:db8::/64", {});
  fixture.flush();
  fixture.control.on_watch();  // for nothing
  CHECK(fixture.control.repairs() == 0);
  fixture.kernel.flush_from_outside();
  CHECK(fixture.reaches("192.0.2.1", "22"));
  fixture.control.on_watch();
  CHECK_FALSE(fixture.reaches("192.0.2.1", "22"));
  CHECK_FALSE(fixture.reaches("2001:db8::7", "22"));
  CHECK(fixture.control.repairs() == 1);
  CHECK(fixture.all_told() == Lines{"firewall high another program changed the firewall table "
                                    "'inet warder'; rules and all bans (2) were put back"});
}

TEST_CASE("a ban while the table is gone makes it detect only until it is put back") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.kernel.flush_from_outside();
  fixture.ban(kSshd, "192.0.2.1", 10min);
  CHECK(fixture.flush() == Lines{"0 not in effect"});
  fixture.control.on_watch();
  CHECK(fixture.control.effect() == Effect::kEnforcing);
  CHECK_FALSE(fixture.reaches("192.0.2.1", "22"));
  CHECK(fixture.all_told() ==
        Lines{"firewall critical detect only: bans are decided but not in effect, because the "
              "firewall's rules are not there; they are being rebuilt",
              "firewall notice the firewall is in effect again, with 1 ban"});
}

TEST_CASE("settling makes the kernel hold exactly the table; bringing up only adds") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kSshd, "192.0.2.1", 10min);
  fixture.ban(kSshd, "192.0.2.2", 10min);
  fixture.flush();
  fixture.bans.remove(kSshd, prefix("192.0.2.1"));
  fixture.bans.add({kCaddy, prefix("192.0.2.3"), {}, false, false});
  REQUIRE(fixture.control.bring_up());
  CHECK(fixture.kernel.size() == 3);
  fixture.control.settle();
  CHECK(fixture.kernel.size() == 2);
  CHECK(fixture.reaches("192.0.2.1", "22"));
  CHECK_FALSE(fixture.reaches("192.0.2.2", "22"));
  CHECK_FALSE(fixture.reaches("192.0.2.3", "80,443"));
}

TEST_CASE("a jail whose ports change takes its bans along") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kCaddy, "192.0.2.1", 10min);
  fixture.flush();
  fixture.control.use_scopes({Scope(), Scope::parse("tcp", "8080").value(), std::nullopt});
  REQUIRE(fixture.control.bring_up());
  fixture.control.settle();
  CHECK(fixture.kernel.size() == 1);
  CHECK_FALSE(fixture.reaches("192.0.2.1", "8080"));
  CHECK(fixture.reaches("192.0.2.1", "80,443"));
}

TEST_CASE("many bans are put back in steps, and new ones take effect meanwhile") {
  ControlFixture fixture;
  for (std::uint32_t i = 0; i < 30'000; ++i) {
    fixture.bans.add({kSshd, net::Prefix(net::IpAddress::v4(0xC6120000 + i)), {}, false, false});
  }
  REQUIRE(fixture.control.bring_up());
  CHECK(fixture.control.effect() == Effect::kRestoring);
  CHECK(to_string(fixture.control.effect()) == "restoring");
  CHECK(fixture.kernel.size() >= 8'000);
  CHECK(fixture.kernel.size() < 12'000);
  fixture.ban(kSshd, "192.0.2.1", 10min);
  CHECK(fixture.flush() == Lines{"0 in effect"});
  fixture.lift(kSshd, "198.18.0.7");
  fixture.flush();
  int steps = 1;
  for (; fixture.control.is_busy(); ++steps) {
    fixture.control.step();
  }
  CHECK(steps >= 3);
  CHECK(fixture.control.effect() == Effect::kEnforcing);
  CHECK(fixture.kernel.size() == 30'000);
  CHECK(fixture.reaches("198.18.0.7", "22"));
  CHECK_FALSE(fixture.reaches("198.18.0.8", "22"));
  // Told and counted when it is over, not when it begins.
  fixture.kernel.flush_from_outside();
  fixture.control.on_watch();
  CHECK(fixture.control.repairs() == 0);
  while (fixture.control.is_busy()) {
    fixture.control.step();
  }
  CHECK(fixture.control.repairs() == 1);
  CHECK(fixture.kernel.size() == 30'000);
}

TEST_CASE("an end that is later in the kernel stays until it is settled") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kSshd, "192.0.2.1", 20min);
  fixture.ban(kSshd, "192.0.2.2", 20min);
  fixture.flush();
  // As after a crash that lost the record of both.
  fixture.bans.remove(kSshd, prefix("192.0.2.1"));
  fixture.bans.remove(kSshd, prefix("192.0.2.2"));
  fixture.bans.add({kSshd, prefix("192.0.2.1"), fixture.clock.now() + 10min, false, false});
  REQUIRE(fixture.control.bring_up());
  CHECK(fixture.kernel.journal().size() == 2);
  // The line is judged again, and bans one of them.
  fixture.ban(kSshd, "192.0.2.2", 20min);
  fixture.flush();
  fixture.control.settle();
  CHECK(fixture.kernel.journal() == Lines{"add all 192.0.2.1 until 2026-11-02T12:20:00Z",
                                          "add all 192.0.2.2 until 2026-11-02T12:20:00Z",
                                          "extend all 192.0.2.1 until 2026-11-02T12:10:00Z"});
}

TEST_CASE("scopes that did not change put nothing back") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.bans.add({kSshd, prefix("192.0.2.1"), {}, false, false});
  const Scope web = Scope::parse("tcp", "80,443").value();
  fixture.control.use_scopes({Scope(), web, web});
  fixture.control.follow_scopes();
  CHECK(fixture.kernel.size() == 0);
  fixture.control.use_scopes({web, web, web});
  fixture.control.follow_scopes();
  CHECK_FALSE(fixture.reaches("192.0.2.1", "80,443"));
}

TEST_CASE("a probe ban is put in, found and taken out, and touches no other") {
  ControlFixture fixture;
  REQUIRE(fixture.control.bring_up());
  fixture.ban(kCaddy, "198.51.100.1", 1h);
  CHECK(fixture.flush() == Lines{"0 in effect"});
  CHECK(fixture.control.probe(kCaddy, prefix("192.0.2.254")));
  CHECK(fixture.kernel.size() == 1);
  fixture.kernel.refuse(prefix("192.0.2.254"), firewall::Reason::kConfigured);
  const util::Status refused = fixture.control.probe(kCaddy, prefix("192.0.2.254"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == util::ErrorCode::kDenied);
  fixture.kernel.fail_with(ControlFixture::away());
  const util::Status away = fixture.control.probe(kCaddy, prefix("192.0.2.254"));
  REQUIRE_FALSE(away);
  CHECK(away.error().message() == "putting a ban in: the helper is away");
}
