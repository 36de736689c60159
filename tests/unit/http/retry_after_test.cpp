#include "http/retry_after.h"

#include <catch2/catch.hpp>

using namespace warder;
using std::chrono::seconds;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT, the date that RFC 9110 uses.
const util::WallTime kNow{seconds(784111777)};

std::optional<seconds> parse(std::string_view text) { return http::parse_retry_after(text, kNow); }

}  // namespace

TEST_CASE("Retry-After in seconds") {
  CHECK(parse("0") == seconds(0));
  CHECK(parse(" 120 ") == seconds(120));
  CHECK(parse("1.5") == seconds(2));
  CHECK(parse("2.000") == seconds(2));
  CHECK(parse("86401") == seconds(86400));
  CHECK(parse("99999999999999999999999999") == seconds(86400));
}

TEST_CASE("Retry-After as any of the three HTTP dates") {
  CHECK(parse("Sun, 06 Nov 1994 08:50:07 GMT") == seconds(30));
  CHECK(parse("Sunday, 06-Nov-94 08:50:07 GMT") == seconds(30));
  CHECK(parse("Sun Nov  6 08:50:07 1994") == seconds(30));
  CHECK(parse("Sun, 06 Nov 1994 08:00:00 GMT") == seconds(0));
  CHECK(parse("Sun, 06 Nov 2094 08:00:00 GMT") == seconds(86400));
}

TEST_CASE("anything else is none") {
  for (const std::string_view bad :
       {"", "soon", "-1", "1.", "1.x", "1 2", "0x10", "Sunday", "unS", "1e9",
        "Sun, 06 Nov 1994 08:50:07 GMT and a very long tail that goes on and on"}) {
    CHECK_FALSE(parse(bad));
  }
}
