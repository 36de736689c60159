#include "filter/filter.h"
#include "filter/matcher.h"
#include "util/clock.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace warder::filter;

// Loading runs the samples, so that each of them is a test.
TEST_CASE("every JSON filter that ships loads with its samples") {
  for (const char* name :
       {"caddy-4xx", "caddy-auth", "caddy-scanner", "vaultwarden-admin", "vaultwarden-auth"}) {
    INFO(name);
    FilterRequest request;
    request.name = name;
    request.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
    const auto filter = load_filter(request);
    INFO((filter ? "" : filter.error().message()));
    REQUIRE(filter);
    CHECK((*filter)->format() == Format::kJson);
  }
}
