#include "firewall/options.h"

#include "config/check.h"

#include <catch2/catch.hpp>

namespace warder::firewall {
namespace {

TEST_CASE("the table of firewall keys is sound") {
  CHECK(config::defects(options_table()) == std::vector<std::string>{});
}

bool counts(const std::vector<std::pair<std::string, std::string>>& set) {
  config::Section section{.name = "firewall", .place = {}, .options = {}};
  for (const auto& [name, text] : set) {
    section.options.push_back({.name = name, .text = text, .place = {}, .problem = {}});
  }
  config::Diagnostics diagnostics;
  const config::Values values = config::check(options_table(), section, diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  return read_options(values).netlink.counters;
}

TEST_CASE("packets of each ban are counted where few are possible, or as the operator says") {
  CHECK(counts({}));
  CHECK(counts({{"max_elements", "524288"}}));
  CHECK_FALSE(counts({{"max_elements", "524289"}}));
  CHECK(counts({{"max_elements", "4194304"}, {"packet_counters", "yes"}}));
  CHECK_FALSE(counts({{"max_elements", "1024"}, {"packet_counters", "no"}}));
}

}  // namespace
}  // namespace warder::firewall
