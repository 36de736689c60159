#include "net/address.h"

#include <catch2/catch.hpp>

using warder::net::IpAddress;
using warder::net::Prefix;

TEST_CASE("addresses have one spelling") {
  const auto text = [](std::string_view in) { return IpAddress::parse(in).value().to_string(); };
  CHECK(text("192.0.2.1") == "192.0.2.1");
  CHECK(text("2001:DB8:0:0:0:0:0:1") == "2001:db8::1");
  CHECK(text("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(text("::FFFF:c000:0201") == "192.0.2.1");
  CHECK(text("::") == "::");
}

TEST_CASE("loose spellings are refused") {
  for (const char* wrong : {"",         "1",          "1.2.3",        "1.2.3.4.5",
                            "01.2.3.4", "1.2.3.256",  "0x7f.1.1.1",   "1.2.3.4 ",
                            " 1.2.3.4", "1.2.3.4:80", "[::1]",        "fe80::1%eth0",
                            "::1::",    ":::",        "12345::",      "1.2.3.-4",
                            "127.1",    "2130706433", "::ffff:1.2.3", "1.2.3.1000"}) {
    INFO(wrong);
    CHECK_FALSE(IpAddress::parse(wrong));
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("::1\0x", 5)));
  CHECK_FALSE(IpAddress::parse(std::string(100000, ':')));
}

TEST_CASE("prefixes mask, contain and print") {
  const Prefix net = Prefix::parse("2001:db8:1:2::/64").value();
  CHECK(net.contains(IpAddress::parse("2001:db8:1:2:3::4").value()));
  CHECK_FALSE(net.contains(IpAddress::parse("2001:db8:1:3::4").value()));
  CHECK_FALSE(net.contains(IpAddress::parse("192.0.2.1").value()));
  CHECK(net.to_string() == "2001:db8:1:2::/64");
  CHECK(Prefix(IpAddress::parse("192.0.2.77").value(), 24).to_string() == "192.0.2.0/24");
  CHECK(Prefix::parse("192.0.2.1").value().to_string() == "192.0.2.1");
  CHECK(Prefix::parse("0.0.0.0/0").value().contains(Prefix::parse("10.0.0.0/8").value()));
  CHECK_FALSE(Prefix::parse("10.0.0.0/8").value().contains(Prefix::parse("0.0.0.0/0").value()));
  CHECK(Prefix::parse("192.0.2.1/24").error().message() ==
        "'192.0.2.1/24' is no address or prefix: bits are set behind the length; did you mean "
        "192.0.2.0/24?");
  CHECK_FALSE(Prefix::parse("192.0.2.0/33"));
  CHECK_FALSE(Prefix::parse("192.0.2.0/"));
  CHECK_FALSE(Prefix::parse("192.0.2.0/-1"));
}

TEST_CASE("classes of addresses") {
  const auto a = [](std::string_view in) { return IpAddress::parse(in).value(); };
  for (const char* never : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1",
                            "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "ff02::1"}) {
    INFO(never);
    CHECK_FALSE(a(never).is_bannable());
  }
  for (const char* bannable : {"192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1", "172.32.0.1"}) {
    INFO(bannable);
    CHECK(a(bannable).is_bannable());
  }
  CHECK(a("10.1.2.3").is_private());
  CHECK(a("172.31.0.1").is_private());
  CHECK_FALSE(a("172.32.0.1").is_private());
  CHECK(a("100.64.0.1").is_private());
  CHECK(a("fd12::1").is_private());
}

TEST_CASE("bytes of the database") {
  const IpAddress address = IpAddress::parse("2001:db8::1").value();
  CHECK(IpAddress::from_bytes(address.byte_view()).value() == address);
  CHECK(IpAddress::from_bytes("abc").error().message() == "an address of 3 bytes");
  CHECK_FALSE(IpAddress::from_bytes(""));
}
