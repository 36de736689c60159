#include "http/address_rule.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

std::string rule(std::string_view address) {
  const auto parsed = net::IpAddress::parse(address);
  REQUIRE(parsed);
  return std::string(http::not_public(*parsed).value_or("public"));
}

}  // namespace

TEST_CASE("what a webhook may not be sent to") {
  CHECK(rule("127.0.0.1") == "loopback");
  CHECK(rule("::1") == "loopback");
  CHECK(rule("::ffff:127.0.0.1") == "loopback");
  CHECK(rule("10.1.2.3") == "private");
  CHECK(rule("172.16.0.1") == "private");
  CHECK(rule("192.168.1.1") == "private");
  CHECK(rule("100.100.100.200") == "private");
  CHECK(rule("fd00:ec2::254") == "private");
  CHECK(rule("fec0::1") == "private");
  CHECK(rule("169.254.1.1") == "link-local");
  CHECK(rule("fe80::1") == "link-local");
  CHECK(rule("169.254.169.254") == "cloud metadata");
  CHECK(rule("168.63.129.16") == "cloud metadata");
  CHECK(rule("192.0.0.192") == "reserved");
  CHECK(rule("0.0.0.0") == "reserved");
  CHECK(rule("0.1.2.3") == "reserved");
  CHECK(rule("224.0.0.1") == "reserved");
  CHECK(rule("255.255.255.255") == "reserved");
  CHECK(rule("ff02::1") == "reserved");
  CHECK(rule("203.0.113.5") == "reserved");
}

TEST_CASE("an IPv4 address inside an IPv6 one counts as itself") {
  CHECK(rule("64:ff9b::7f00:1") == "loopback");
  CHECK(rule("64:ff9b::a9fe:a9fe") == "cloud metadata");
  CHECK(rule("2002:a00:1::1") == "private");
  CHECK(rule("::a00:1") == "private");
  // Teredo: the client's address is inverted at the end (10.0.0.1).
  CHECK(rule("2001::f5ff:fffe") == "private");
  CHECK(rule("64:ff9b::808:808") == "public");
  CHECK(rule("2002:808:808::1") == "public");
}

TEST_CASE("public addresses") {
  CHECK(rule("8.8.8.8") == "public");
  CHECK(rule("172.32.0.1") == "public");
  CHECK(rule("168.63.129.17") == "public");
  CHECK(rule("2606:4700::1111") == "public");
}
