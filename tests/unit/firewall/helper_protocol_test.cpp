#include "firewall/helper_protocol.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace warder;
using namespace warder::firewall;
using wire::Datagram;
using wire::Header;

namespace {

net::Prefix prefix(std::string_view text) { return net::Prefix::parse(text).value(); }

std::optional<Header> read(const Datagram& datagram) {
  std::uint16_t version = 0;
  return wire::read_header(datagram, version);
}

std::string hex(const Datagram& datagram, std::size_t at, std::size_t count) {
  return util::to_hex(util::ByteView(datagram).subspan(at, count));
}

}  // namespace

TEST_CASE("a change has the bytes that README.md shows") {
  Datagram datagram = wire::datagram_of({wire::Kind::kApply, 7, 1, 0, 1});
  const wire::TimedChange change{{Change::Kind::kAdd, 2, prefix("192.0.2.1"), std::nullopt}, 600s};
  wire::put_change(datagram, 0, change);
  CHECK(hex(datagram, 0, 32) ==
        "5752573101000200"
        "0700000000000000"
        "0100000000000000"
        "0100000000000000");
  CHECK(hex(datagram, 32, 32) ==
        "0104200002000000"
        "c0000201000000000000000000000000"
        "c027090000000000");
  CHECK(read(datagram) == Header{wire::Kind::kApply, 7, 1, 0, 1});
  CHECK(wire::read_change(datagram, 0) == change);
}

TEST_CASE("every record comes out as it went in") {
  Datagram datagram = wire::datagram_of({wire::Kind::kElements, 7, 0, 0, 2});
  const wire::TimedElement first{{3, prefix("2001:db8::/64"), std::nullopt, {5, 300}}, 90s};
  const wire::TimedElement second{{0, prefix("192.0.2.0/24"), std::nullopt, {0, 0, false}},
                                  std::nullopt};
  wire::put_element(datagram, 0, first);
  wire::put_element(datagram, 1, second);
  CHECK(wire::read_element(datagram, 0) == first);
  CHECK(wire::read_element(datagram, 1) == second);

  datagram = wire::datagram_of({wire::Kind::kAnswer, 7, 2, 0, 2});
  const wire::Summary summary{util::ErrorCode::kConflict, "gone", {1, 2, 3, 4, {}, 7}, {5, 6}};
  const Refusal gateway{12, Reason::kGateway, prefix("192.0.2.1"), 0};
  const Refusal kernel{13, Reason::kKernel, std::nullopt, ENOMEM};
  wire::put_summary(datagram, summary);
  wire::put_refusal(datagram, 0, gateway);
  wire::put_refusal(datagram, 1, kernel);
  CHECK(wire::read_summary(datagram) == summary);
  CHECK(wire::read_refusal(datagram, 0) == gateway);
  CHECK(wire::read_refusal(datagram, 1) == kernel);

  datagram = wire::datagram_of({wire::Kind::kEnsure, 7, 2, 0, 2});
  const Scope scope = Scope::parse("tcp", "1,3,5,7,9,11,13,20:30").value();
  REQUIRE(wire::scope_records(scope) == 2);
  wire::put_scope_part(datagram, 0, 4, scope, 0);
  wire::put_scope_part(datagram, 1, 4, scope, 1);
  CHECK(wire::read_scope_part(datagram, 0)->ports.size() == 7);
  const auto last = wire::read_scope_part(datagram, 1);
  REQUIRE(last);
  CHECK(last->index == 4);
  CHECK(last->protocol == Protocol::kTcp);
  CHECK(last->ports == std::vector<net::PortRange>{{20, 30}});
}

TEST_CASE("the largest counts stay inside the datagram") {
  Datagram datagram{};
  const Refusal refusal{1, Reason::kGateway, prefix("2001:db8::ffff"), 0};
  wire::put_refusal(datagram, wire::kRefusalsADatagram - 1, refusal);
  CHECK(wire::read_refusal(datagram, wire::kRefusalsADatagram - 1) == refusal);
  datagram = {};
  const wire::TimedElement element{{0, prefix("192.0.2.0/24"), std::nullopt, {1, ~0ULL}}, 1s};
  wire::put_element(datagram, wire::kElementsADatagram - 1, element);
  CHECK(wire::read_element(datagram, wire::kElementsADatagram - 1) == element);
  datagram = {};
  const wire::TimedChange change{{Change::Kind::kAdd, 1, prefix("2001:db8::/64"), {}}, 1s};
  wire::put_change(datagram, wire::kRecordsADatagram - 1, change);
  CHECK(wire::read_change(datagram, wire::kRecordsADatagram - 1) == change);
}

TEST_CASE("headers that do not hold together are refused") {
  const auto is_refused = [](const Header& header) { return !read(wire::datagram_of(header)); };
  CHECK(is_refused({wire::Kind::kApply, 1, 1, 0, 0}));
  CHECK(is_refused({wire::Kind::kApply, 1, 1, 1, 1}));
  CHECK(is_refused({wire::Kind::kApply, 1, 128, 0, 128}));
  CHECK(is_refused({wire::Kind::kApply, 1, wire::kMostRecords + 1, 0, 1}));
  CHECK(is_refused({wire::Kind::kApply, 1, 0xFFFFFFFF, 0xFFFFFFFE, 1}));
  CHECK(is_refused({wire::Kind::kTraffic, 1, 0, 0, 0}));
  CHECK(is_refused({wire::Kind::kList, 1, 1, 0, 1}));
  CHECK(is_refused({wire::Kind::kElements, 1, 0, 0, 0}));
  CHECK(is_refused({static_cast<wire::Kind>(99), 1, 0, 0, 0}));
  CHECK_FALSE(is_refused({wire::Kind::kApply, 1, 128, 127, 1}));
  CHECK_FALSE(is_refused({wire::Kind::kEnsure, 1, 0, 0, 0}));

  Datagram datagram = wire::datagram_of({wire::Kind::kList, 1, 0, 0, 0});
  std::uint16_t version = 0;
  CHECK_FALSE(wire::read_header(util::ByteView(datagram).first(4095), version));
  datagram[4] = 2;
  CHECK_FALSE(wire::read_header(datagram, version));
  CHECK(version == 2);
  datagram[4] = 1;
  datagram[28] = 1;
  CHECK_FALSE(wire::read_header(datagram, version));
}

TEST_CASE("a record with one wrong byte is none") {
  const wire::TimedChange change{{Change::Kind::kAdd, 2, prefix("192.0.2.0/24"), {}}, 600s};
  const auto with = [&](std::size_t place, std::uint8_t value) {
    Datagram datagram{};
    wire::put_change(datagram, 0, change);
    datagram[wire::kHeader + place] = value;
    return wire::read_change(datagram, 0);
  };
  CHECK(with(0, 1) == change);
  CHECK_FALSE(with(0, 0));
  CHECK_FALSE(with(0, 4));
  CHECK_FALSE(with(1, 5));
  CHECK_FALSE(with(2, 33));
  CHECK_FALSE(with(2, 8));   // bits behind the length
  CHECK_FALSE(with(3, 1));   // reserved
  CHECK_FALSE(with(11, 1));  // a bit behind the length
  CHECK_FALSE(with(12, 1));  // behind an IPv4 address
  CHECK_FALSE(with(31, 1));  // an end in half a million years
}
