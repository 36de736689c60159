#include "filter/json_uri.h"

#include <catch2/catch.hpp>

using namespace warder::filter;

namespace {

std::string path(std::string_view uri) {
  std::string out = "left over";
  uri_path(uri, out);
  CHECK(out.size() <= uri.size() + 1);
  return out;
}

}  // namespace

TEST_CASE("every spelling of a path is one path") {
  for (const char* uri : {"/a/b", "/a/b?q=1", "/a/b/", "//a///b//", "/%61/%62", "/a/./b",
                          "/a/x/../b", "/../a/b", "/a/%2e%2e/a/b", "/a%2fb", "http://h/a/b",
                          "HTTPS://h:443/a/b?x=/y", "/a/b/.", "a/b", "/a/b?u=http://x/y"}) {
    INFO(uri);
    CHECK(path(uri) == "/a/b");
  }
}

TEST_CASE("other paths stay different") {
  CHECK(path("") == "/");
  CHECK(path("/") == "/");
  CHECK(path("/..") == "/");
  CHECK(path("/../..//") == "/");
  CHECK(path("*") == "/*");
  CHECK(path("http://host") == "/");
  CHECK(path("http://host?x") == "/");
  CHECK(path("/A/b") == "/A/b");
  CHECK(path("/a/b/...") == "/a/b/...");
  CHECK(path("/%2561") == "/%61");
  CHECK(path("/%zz%") == "/%zz%");
  CHECK(path("/%00") == std::string("/\0", 2));
  CHECK(path("/a?x=://y/z") == "/a");
}
