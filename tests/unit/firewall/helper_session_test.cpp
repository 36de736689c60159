#include "firewall/helper_session.h"

#include "firewall/recording_firewall.h"
#include "support/manual_clock.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace warder;
using namespace warder::firewall;
using wire::Datagram;
using wire::Kind;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }

struct Setting {
  testing::ManualClock clock;
  RecordingFirewall wall{clock};
  HelperShared shared{wall, clock};
  std::vector<Datagram> answers;
  HelperSession session{shared, [this](const Datagram& out) {
                          answers.push_back(out);
                          return true;
                        }};
  std::uint64_t request = 0;

  bool send(const wire::Header& header, const std::vector<wire::TimedChange>& changes = {}) {
    Datagram datagram = wire::datagram_of(header);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      wire::put_change(datagram, i, changes[i]);
    }
    return session.take(datagram);
  }
  void ensure() {
    Datagram datagram = wire::datagram_of({Kind::kEnsure, ++request, 1, 0, 1});
    wire::put_scope_part(datagram, 0, 0, Scope(), 0);
    REQUIRE(session.take(datagram));
    REQUIRE_FALSE(last().error);
  }
  // The text of the last answer.
  wire::Summary last() const { return wire::read_summary(answers.back()).value(); }
  std::string text() const { return last().text; }
};

const wire::TimedChange kBan{{Change::Kind::kAdd, 0, prefix("192.0.2.1"), std::nullopt}, 600s};

}  // namespace

TEST_CASE("a request is answered once, with what was done") {
  Setting at;
  at.ensure();
  CHECK(at.send({Kind::kApply, ++at.request, 1, 0, 1}, {kBan}));
  CHECK(at.answers.size() == 2);
  CHECK(at.last().report == ApplyReport{1, 0, 0, 0, {}});
  CHECK(at.wall.journal() ==
        std::vector<std::string>{"add all 192.0.2.1 until 2026-11-02T12:10:00Z"});
}

TEST_CASE("a batch of several datagrams is answered at its end") {
  Setting at;
  at.ensure();
  ++at.request;
  const wire::TimedChange other{{Change::Kind::kAdd, 0, prefix("192.0.2.2"), std::nullopt}, 600s};
  CHECK(at.send({Kind::kApply, at.request, 2, 0, 1}, {kBan}));
  CHECK(at.answers.size() == 1);
  CHECK(at.send({Kind::kApply, at.request, 2, 1, 1}, {other}));
  CHECK(at.answers.size() == 2);
  CHECK(at.last().report.added == 2);
}

TEST_CASE("without ensure on this connection nothing is applied") {
  Setting at;
  CHECK(at.send({Kind::kApply, 1, 1, 0, 1}, {kBan}));
  CHECK(at.last().error == util::ErrorCode::kConflict);

  // Another caller's ensure makes the places of this one's scopes meaningless.
  at.request = 1;
  at.ensure();
  HelperSession other(at.shared, [](const Datagram&) { return true; });
  Datagram datagram = wire::datagram_of({Kind::kEnsure, 1, 1, 0, 1});
  wire::put_scope_part(datagram, 0, 0, Scope::parse("tcp", "22").value(), 0);
  REQUIRE(other.take(datagram));
  CHECK(at.send({Kind::kApply, ++at.request, 1, 0, 1}, {kBan}));
  CHECK(at.last().error == util::ErrorCode::kConflict);
  CHECK(at.wall.size() == 0);
}

TEST_CASE("replayed, torn and malformed messages change nothing") {
  Setting at;
  at.ensure();
  REQUIRE(at.send({Kind::kApply, 5, 1, 0, 1}, {kBan}));
  CHECK(at.send({Kind::kApply, 5, 1, 0, 1}, {kBan}));
  CHECK(at.text() == "a message that was sent before");
  CHECK(at.send({Kind::kApply, 4, 1, 0, 1}, {kBan}));
  CHECK(at.text() == "a message that was sent before");
  CHECK(at.send({Kind::kApply, 6, 2, 1, 1}, {kBan}));
  CHECK(at.text() == "a request without its beginning");
  CHECK(at.send({Kind::kApply, 7, 3, 0, 1}, {kBan}));
  CHECK(at.send({Kind::kApply, 7, 3, 2, 1}, {kBan}));
  CHECK(at.text() == "a message that does not continue its request");
  CHECK(at.session.take(util::as_bytes("short")));
  CHECK(at.text() == "a message that is none");
  CHECK(at.send({Kind::kAnswer, 9, 0, 0, 0}));
  CHECK(at.text() == "a message that is none");
  CHECK(at.send({Kind::kApply, 10, 1, 0, 1}));
  CHECK(at.text() == "a record that is none");
  Datagram newer = wire::datagram_of({Kind::kList, 11, 0, 0, 0});
  newer[4] = 9;
  CHECK(at.session.take(newer));
  CHECK(at.text() ==
        "the firewall helper speaks version 1 of its messages, this one has version 9; restart "
        "warder and warder-firewall after an upgrade");
  CHECK(at.wall.journal().size() == 1);
}

TEST_CASE("a caller that sends nothing but rubbish is cut off") {
  Setting at;
  for (unsigned i = 0; i < HelperSession::kMostMalformed; ++i) {
    CHECK(at.session.take(util::as_bytes("rubbish")));
  }
  CHECK_FALSE(at.session.take(util::as_bytes("rubbish")));
}

TEST_CASE("a flood is refused until time has passed") {
  Setting at;
  at.ensure();
  for (std::uint32_t i = 1; i < HelperSession::kBurst; ++i) {
    REQUIRE(at.send({Kind::kApply, ++at.request, 0, 0, 0}));
    REQUIRE_FALSE(at.last().error);
  }
  CHECK(at.send({Kind::kApply, ++at.request, 0, 0, 0}));
  CHECK(at.text() == "more requests than the firewall helper takes; try again later");
  CHECK(at.last().error == util::ErrorCode::kUnavailable);
  at.clock.advance(1s);
  for (std::uint32_t i = 0; i < HelperSession::kASecond; ++i) {
    REQUIRE(at.send({Kind::kApply, ++at.request, 0, 0, 0}));
    REQUIRE_FALSE(at.last().error);
  }
  CHECK(at.send({Kind::kApply, ++at.request, 0, 0, 0}));
  CHECK(at.last().error == util::ErrorCode::kUnavailable);
}

TEST_CASE("scopes must come in order and whole") {
  Setting at;
  Datagram datagram = wire::datagram_of({Kind::kEnsure, 1, 2, 0, 2});
  wire::put_scope_part(datagram, 0, 0, Scope(), 0);
  wire::put_scope_part(datagram, 1, 2, Scope::parse("tcp", "22").value(), 0);
  CHECK(at.session.take(datagram));
  CHECK(at.text() == "scopes out of order");
  datagram = wire::datagram_of({Kind::kEnsure, 2, 2, 0, 2});
  wire::put_scope_part(datagram, 0, 0, Scope(), 0);
  wire::put_scope_part(datagram, 1, 0, Scope::parse("tcp", "22").value(), 0);
  CHECK(at.session.take(datagram));
  CHECK(at.text() == "a scope with two protocols");
}

TEST_CASE("refusals that do not fit one datagram come in several") {
  Setting at;
  at.ensure();
  std::vector<wire::TimedChange> changes;
  for (std::uint32_t i = 0; i < 127; ++i) {
    const net::Prefix address(net::IpAddress::v4(0xC0000200 + i));
    at.wall.refuse(address, Reason::kConfigured);
    changes.push_back({{Change::Kind::kAdd, 0, address, std::nullopt}, 600s});
  }
  CHECK(at.send({Kind::kApply, ++at.request, 127, 0, 127}, changes));
  REQUIRE(at.answers.size() == 3);
  std::uint16_t version = 0;
  const auto first = wire::read_header(at.answers[1], version);
  const auto second = wire::read_header(at.answers[2], version);
  CHECK(first == wire::Header{Kind::kAnswer, 2, 127, 0, 109});
  CHECK(second == wire::Header{Kind::kAnswer, 2, 127, 109, 18});
  CHECK(wire::read_refusal(at.answers[2], 17)->change == 126);
}

TEST_CASE("an outside change is told once, until the rules are made again") {
  Setting at;
  at.ensure();
  at.answers.clear();
  CHECK(at.session.tell_changed());
  CHECK(at.session.tell_changed());
  REQUIRE(at.answers.size() == 1);
  std::uint16_t version = 0;
  CHECK(wire::read_header(at.answers[0], version) == wire::Header{Kind::kChanged, 0, 0, 0, 0});
  at.ensure();
  CHECK(at.session.tell_changed());
  CHECK(at.answers.size() == 3);
}

TEST_CASE("a list comes in parts and ends with an answer") {
  Setting at;
  at.ensure();
  std::vector<Change> bans;
  for (std::uint32_t i = 0; i < 100; ++i) {
    bans.push_back({Change::Kind::kAdd, 0, net::Prefix(net::IpAddress::v4(0xC0000200 + i)),
                    at.clock.now() + 60s});
  }
  REQUIRE(at.wall.apply(bans));
  at.answers.clear();
  CHECK(at.send({Kind::kList, ++at.request, 0, 0, 0}));
  REQUIRE(at.answers.size() == 3);
  std::uint16_t version = 0;
  CHECK(wire::read_header(at.answers[0], version)->count == 84);
  CHECK(wire::read_header(at.answers[1], version)->count == 16);
  const auto element = wire::read_element(at.answers[0], 0);
  CHECK(element->element.prefix == prefix("192.0.2.0"));
  CHECK(element->left == 60s);
  CHECK_FALSE(at.last().error);
}
