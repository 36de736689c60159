#include "filter/json_address.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder::filter;
using warder::net::Prefix;

namespace {

std::vector<Prefix> proxies() {
  return {*Prefix::parse("192.0.2.0/28"), *Prefix::parse("2001:db8:1::/48")};
}

// "address" or "address (notice: subject)".
std::string blamed(std::optional<std::string_view> client, std::optional<std::string_view> peer,
                   std::vector<std::string_view> forwarded = {}) {
  JsonOrigin origin;
  origin.address = client;
  origin.peer = peer;
  origin.forwarded = forwarded;
  const JsonOffender found = find_offender(origin, proxies());
  std::string text = found.address ? found.address->to_string() : "nobody";
  if (found.notice) {
    text += " (" + std::string(to_string(found.notice->kind)) + ": " +
            std::string(found.notice->subject) + ")";
  }
  return text;
}

constexpr auto kNone = std::nullopt;

}  // namespace

TEST_CASE("the peer is the offender, whatever headers say") {
  CHECK(blamed(kNone, "198.51.100.7") == "198.51.100.7");
  CHECK(blamed("198.51.100.7", "198.51.100.7") == "198.51.100.7");
  CHECK(blamed("::ffff:198.51.100.7", "198.51.100.7") == "198.51.100.7");
  CHECK(blamed("198.51.100.7", "198.51.100.7", {"203.0.113.1"}) == "198.51.100.7");
  CHECK(blamed("203.0.113.1", "198.51.100.7", {"203.0.113.1"}) ==
        "198.51.100.7 (client differs from peer: 198.51.100.7)");
  CHECK(blamed("nonsense", "198.51.100.7") ==
        "198.51.100.7 (client differs from peer: 198.51.100.7)");
}

TEST_CASE("behind our proxy the last entry that is no proxy of ours is the offender") {
  CHECK(blamed("203.0.113.9", "192.0.2.1", {"203.0.113.9, 198.51.100.7"}) == "198.51.100.7");
  CHECK(blamed(kNone, "192.0.2.1", {"203.0.113.9", "198.51.100.7 , 192.0.2.2"}) == "198.51.100.7");
  CHECK(blamed(kNone, "2001:db8:1::1", {"2001:db8:2::5"}) == "2001:db8:2::5");
  CHECK(blamed(kNone, "192.0.2.1", {"198.51.100.7", "192.0.2.2"}) == "198.51.100.7");
}

TEST_CASE("garbage in the list ends the search") {
  CHECK(blamed("203.0.113.9", "192.0.2.1", {"203.0.113.9, nonsense"}) ==
        "nobody (bad address: nonsense)");
  CHECK(blamed(kNone, "192.0.2.1", {"203.0.113.9, nonsense, 192.0.2.2"}) ==
        "nobody (bad address: nonsense)");
  CHECK(blamed(kNone, "192.0.2.1", {"203.0.113.9:1234"}) ==
        "nobody (bad address: 203.0.113.9:1234)");
  CHECK(blamed(kNone, "192.0.2.1", {"203.0.113.9,"}) == "nobody (bad address: )");
  CHECK(blamed(kNone, "192.0.2.1", {"203.0.113.9", ""}) == "nobody (bad address: )");
}

TEST_CASE("a proxy of ours is never the offender") {
  CHECK(blamed(kNone, "192.0.2.1") == "nobody (address of a proxy: 192.0.2.1)");
  CHECK(blamed("203.0.113.9", "192.0.2.1") == "nobody (address of a proxy: 192.0.2.1)");
  CHECK(blamed(kNone, "192.0.2.1", {"192.0.2.2, 192.0.2.3"}) ==
        "nobody (address of a proxy: 192.0.2.1)");
  CHECK(blamed("192.0.2.3", kNone) == "nobody (address of a proxy: 192.0.2.3)");
}

TEST_CASE("without a peer the address is all there is") {
  CHECK(blamed("198.51.100.7", kNone, {"203.0.113.1"}) == "198.51.100.7");
  CHECK(blamed(kNone, kNone) == "nobody (no address: )");
  CHECK(blamed("@", kNone) == "nobody (bad address: @)");
  CHECK(blamed("fe80::1%eth0", kNone) == "nobody (bad address: fe80::1%eth0)");
}

TEST_CASE("what the program states may have a port") {
  CHECK(blamed("198.51.100.7:40022", kNone) == "198.51.100.7");
  CHECK(blamed("[2001:db8::7]:40022", "[2001:db8::7]:40022") == "2001:db8::7");
  CHECK(blamed(kNone, "192.0.2.1:40022", {"203.0.113.5"}) == "203.0.113.5");
  CHECK(blamed("2001:db8::7:40022", kNone) == "nobody (bad address: 2001:db8::7:40022)");
  CHECK(blamed("[198.51.100.7]:1", kNone) == "nobody (bad address: [198.51.100.7]:1)");
  CHECK(blamed("198.51.100.7:", kNone) == "nobody (bad address: 198.51.100.7:)");
  CHECK(blamed("198.51.100.7:x", kNone) == "nobody (bad address: 198.51.100.7:x)");
}
