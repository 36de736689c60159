#include "firewall/recording_firewall.h"

#include "firewall/none_firewall.h"
#include "firewall/strays.h"
#include "support/manual_clock.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace warder;
using firewall::Change;
using firewall::RecordingFirewall;
using firewall::Scope;
using firewall::StrayReport;
using Kind = Change::Kind;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }

struct Setting {
  testing::ManualClock clock;
  RecordingFirewall wall{clock};

  Setting() { REQUIRE(wall.ensure(std::vector{Scope(), Scope::parse("tcp", "80").value()})); }
  Change add(std::string_view address, std::chrono::seconds length,
             firewall::ScopeIndex scope = 0) {
    return {Kind::kAdd, scope, prefix(address), clock.now() + length};
  }
  firewall::ApplyReport apply(const std::vector<Change>& changes) {
    return wall.apply(changes).value();
  }
  StrayReport keep_only(std::string_view address) {
    return firewall::remove_strays(wall,
                                   [&](firewall::ScopeIndex scope, const net::Prefix& found) {
                                     return scope == 0 && found == prefix(address);
                                   })
        .value();
  }
};

}  // namespace

TEST_CASE("the longest end wins and a past end does nothing") {
  Setting at;
  CHECK(at.apply({at.add("192.0.2.1", 1h)}) == firewall::ApplyReport{1, 0, 0, 0, {}});
  CHECK(at.apply({at.add("192.0.2.1", 30min)}) == firewall::ApplyReport{0, 0, 1, 0, {}, 1});
  CHECK(at.apply({at.add("192.0.2.1", 2h)}) == firewall::ApplyReport{0, 1, 0, 0, {}});
  CHECK(at.apply({at.add("192.0.2.2", -1s)}) == firewall::ApplyReport{0, 0, 1, 0, {}});
  CHECK(at.wall.journal() ==
        std::vector<std::string>{"add all 192.0.2.1 until 2026-11-02T13:00:00Z",
                                 "extend all 192.0.2.1 until 2026-11-02T14:00:00Z"});
}

TEST_CASE("a recorded ban drops packets of its scope until it ends") {
  Setting at;
  at.apply({at.add("192.0.2.0/24", 1h, 1)});
  const auto source = net::IpAddress::parse("192.0.2.9").value();
  const Scope web = Scope::parse("tcp", "80").value();
  CHECK(at.wall.drops(web, source, 100));
  CHECK_FALSE(at.wall.drops(Scope(), source));
  CHECK(at.wall.traffic(prefix("192.0.2.0/24")).value() == firewall::Traffic{1, 100});
  at.clock.advance(1h);
  CHECK_FALSE(at.wall.drops(web, source));
  CHECK(at.wall.size() == 0);
}

TEST_CASE("what nobody wants is taken away, the rest stays as it is") {
  Setting at;
  at.apply({at.add("192.0.2.1", 1h), at.add("192.0.2.1", 1h, 1), at.add("192.0.2.3", 1h)});
  CHECK(at.keep_only("192.0.2.1") == StrayReport{2, true});
  std::vector<std::string> journal = at.wall.journal();
  CHECK(std::vector<std::string>(journal.begin() + 3, journal.end()) ==
        std::vector<std::string>{"remove all 192.0.2.3", "remove tcp_80 192.0.2.1"});
  CHECK(at.keep_only("192.0.2.1") == StrayReport{0, true});
}

TEST_CASE("more strays than one batch holds are taken away") {
  Setting at;
  std::vector<Change> many;
  for (std::uint32_t i = 0; i < 9000; ++i) {
    many.push_back({Kind::kAdd, 0, net::Prefix(net::IpAddress::v4(0xC0A80000 + i)), std::nullopt});
  }
  at.apply(many);
  at.apply({at.add("192.0.2.1", 1h)});
  CHECK(at.keep_only("192.0.2.1") == StrayReport{9000, true});
  CHECK(at.wall.size() == 1);
}

TEST_CASE("after an outside flush nothing is banned until the owner makes the rules again") {
  Setting at;
  at.apply({at.add("192.0.2.1", 1h)});
  CHECK_FALSE(at.wall.take_outside_change().value());
  at.wall.flush_from_outside();
  CHECK(at.wall.take_outside_change().value());
  CHECK_FALSE(at.wall.take_outside_change().value());
  const auto refused = at.wall.apply(std::vector{at.add("192.0.2.1", 1h)});
  CHECK(refused.error().code() == util::ErrorCode::kConflict);
  CHECK(refused.error().message() == "the firewall's rules are not there; they are being rebuilt");
  REQUIRE(at.wall.ensure(std::vector{Scope()}));
  CHECK(at.apply({at.add("192.0.2.1", 1h)}).added == 1);
}

TEST_CASE("the back end 'none' says yes and holds nothing") {
  firewall::NoneFirewall none;
  const std::vector<Change> changes{{Kind::kAdd, 0, prefix("192.0.2.1"), std::nullopt},
                                    {Kind::kRemove, 0, prefix("192.0.2.2"), std::nullopt}};
  CHECK(none.apply(changes).value() == firewall::ApplyReport{1, 0, 0, 1, {}});
  CHECK(none.traffic(prefix("192.0.2.1")).error().message() ==
        "192.0.2.1 is not banned: the firewall back end is 'none'");
}

TEST_CASE("a refusal says what the address met") {
  const auto text = [](firewall::Reason reason, std::string_view asked,
                       std::optional<std::string_view> because, int kernel_error = 0) {
    return firewall::describe(
        {0, reason, because ? std::optional(prefix(*because)) : std::nullopt, kernel_error},
        prefix(asked));
  };
  using firewall::Reason;
  CHECK(text(Reason::kOwnAddress, "192.0.2.0/24", "192.0.2.1") ==
        "192.0.2.0/24 is not banned: it contains 192.0.2.1, an address of this host");
  CHECK(text(Reason::kConfigured, "10.1.2.3", "10.0.0.0/8") ==
        "10.1.2.3 is not banned: it lies in 10.0.0.0/8, on the never-ban list");
  CHECK(text(Reason::kSshPeer, "198.51.100.7", "198.51.100.7") ==
        "198.51.100.7 is not banned: it is where an administrator is logged in from");
  CHECK(text(Reason::kNotBannable, "::1", "::1") ==
        "::1 is not banned: it is reserved (loopback, link-local, multicast or the like)");
  CHECK(text(Reason::kTooShort, "10.0.0.0/8", std::nullopt) ==
        "10.0.0.0/8 is not banned: it covers too many addresses; lower min_prefix_ipv4 or "
        "min_prefix_ipv6 if that is meant");
  CHECK(text(Reason::kUnknownScope, "192.0.2.1", std::nullopt) ==
        "192.0.2.1 is not banned: its protocol and ports are not in the running set");
  CHECK(text(Reason::kFull, "192.0.2.1", std::nullopt) ==
        "192.0.2.1 is not banned: the kernel's set is full; raise max_elements");
  CHECK(text(Reason::kTooManySets, "192.0.2.0/29", std::nullopt) ==
        "192.0.2.0/29 is not banned: too many different prefix lengths are in use");
  CHECK(text(Reason::kKernel, "192.0.2.1", std::nullopt, ENOMEM) ==
        "192.0.2.1 is not banned: the kernel refused it: Cannot allocate memory");
}
