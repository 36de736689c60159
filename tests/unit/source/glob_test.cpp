#include "source/glob.h"

#include <catch2/catch.hpp>

#include <string>

using warder::source::GlobPattern;

TEST_CASE("patterns are cut at their slashes", "[source]") {
  const auto glob = GlobPattern::parse("/var//log/*/access.log");
  REQUIRE(glob);
  REQUIRE(glob->text() == "/var/log/*/access.log");
  REQUIRE(glob->components().size() == 4);
  REQUIRE_FALSE(glob->literal());
  REQUIRE(GlobPattern::parse("/a")->literal());
  const auto& star = glob->components()[2];
  REQUIRE(star.matches("caddy"));
  REQUIRE_FALSE(star.matches(".hidden"));
}

TEST_CASE("what is no log path is refused with the reason", "[source]") {
  const auto message = [](std::string_view pattern) {
    return GlobPattern::parse(pattern).error().message();
  };
  REQUIRE(message("") ==
          "log path '' is not absolute; write it from the root, as /var/log/auth.log");
  REQUIRE(message("a.log") ==
          "log path 'a.log' is not absolute; write it from the root, as /var/log/auth.log");
  REQUIRE(message("/var/log/") ==
          "log path '/var/log/' names a folder; name the files, as /var/log/caddy/*.log");
  REQUIRE(message("/") == "log path '/' names a folder; name the files, as /var/log/caddy/*.log");
  REQUIRE(message("/var/../etc/shadow") ==
          "log path '/var/../etc/shadow' holds '.' or '..'; write the path straight");
  REQUIRE(message("/" + std::string(5000, 'a')).ends_with("' is no path"));
}
