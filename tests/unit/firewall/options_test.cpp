#include "firewall/options.h"

#include <catch2/catch.hpp>

TEST_CASE("the table of firewall keys is sound") {
  CHECK(warder::config::defects(warder::firewall::options_table()) == std::vector<std::string>{});
}
