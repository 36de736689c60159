#include "net/port.h"

#include <catch2/catch.hpp>

using namespace warder::net;

TEST_CASE("port lists") {
  const auto text = [](std::string_view ports) {
    const auto parsed = parse_ports(ports);
    INFO(ports);
    REQUIRE(parsed);
    CHECK(*parse_ports(format_ports(*parsed)) == *parsed);
    return format_ports(*parsed);
  };
  CHECK(text("80,443") == "80,443");
  CHECK(text("ssh") == "22");
  CHECK(text("1:100") == "1:100");
  CHECK(text("0:65535") == "0:65535");
  CHECK(text("http, https\n8000-8100 ftp-data") == "20,80,443,8000:8100");
  CHECK(text("100:200,150:300,301,65535") == "100:301,65535");
  CHECK(text("ssh:telnet") == "22:23");
}

TEST_CASE("what is no port") {
  const auto error = [](std::string_view ports) { return parse_ports(ports).error().message(); };
  CHECK(error("80,htttps") ==
        "'htttps' is no port; write for instance 443, 1000:2000 or https; did you mean https?");
  CHECK(error("65536") == "'65536' is no port; write for instance 443, 1000:2000 or https");
  CHECK(error("200:100") == "'200:100' is no port; write for instance 443, 1000:2000 or https");
  CHECK(error("") == "'' is no port; write for instance 443, 1000:2000 or https");
  CHECK_FALSE(parse_ports("-1"));
  CHECK_FALSE(parse_ports("1:"));
  CHECK_FALSE(parse_ports("any"));
}
