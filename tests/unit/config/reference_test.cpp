#include "config/reference.h"

#include <catch2/catch.hpp>

using namespace warder::config;

namespace {

Reference read(std::string_view text) {
  const auto reference = parse_reference(text);
  INFO(text);
  REQUIRE(reference);
  return *reference;
}

std::vector<std::string> names(std::string_view text) {
  const auto list = parse_references(text);
  INFO(text);
  REQUIRE(list);
  std::vector<std::string> result;
  for (const Reference& reference : *list) {
    result.push_back(reference.name);
  }
  return result;
}

}  // namespace

TEST_CASE("parameters of a name") {
  CHECK(read("a[b=]") == Reference{"a", {{"b", ""}}});
  CHECK(read("a[]") == Reference{"a", {}});
  CHECK(read("a") == Reference{"a", {}});
  CHECK(read("a[b=\"x]y\"]") == Reference{"a", {{"b", "x]y"}}});
  CHECK(read("a[b=x y z]") == Reference{"a", {{"b", "x y z"}}});
  CHECK(read("a[b=c=d]") == Reference{"a", {{"b", "c=d"}}});
  CHECK(read("a[b?family=inet6=DROP]") == Reference{"a", {{"b?family=inet6", "DROP"}}});
  CHECK(read("a[b=c, d=\"e,f\",]") == Reference{"a", {{"b", "c"}, {"d", "e,f"}}});
  CHECK(read("a[b=c][d=\"e,f\"]") == Reference{"a", {{"b", "c"}, {"d", "e,f"}}});
  CHECK(read("a[b='x\"y']") == Reference{"a", {{"b", "x\"y"}}});
  CHECK(read("a[b=\"unterminated]") == Reference{"a", {{"b", "\"unterminated"}}});
  CHECK(read("a [b=c]") == Reference{"a ", {{"b", "c"}}});
  CHECK(read("a[b=1] [b=2] ") == Reference{"a", {{"b", "2"}}});
  CHECK(read("a[b=\"1\n2\"]") == Reference{"a", {{"b", "1\n2"}}});
}

TEST_CASE("what is no name with parameters") {
  const std::string hint = "; write for instance name[key=value, other=\"a, b\"]";
  const auto error = [](std::string_view text) { return parse_reference(text).error().message(); };
  CHECK(error("a[b]") == "'a[b]' is no name with parameters: '=' is missing at character 4" + hint);
  CHECK(error("a[b = c]") ==
        "'a[b = c]' is no name with parameters: '=' is missing at character 4" + hint);
  CHECK(error("a[b=\"c\" d=e]") ==
        "'a[b=\"c\" d=e]' is no name with parameters: ',' or ']' is missing at character 8" + hint);
  CHECK(error("a[b=\"x\" , c=y]") ==
        "'a[b=\"x\" , c=y]' is no name with parameters: ',' or ']' is missing at character 8" +
            hint);
  CHECK(error("") == "'' is no name with parameters: a name is missing at character 1" + hint);
  CHECK(error("[x=y]") ==
        "'[x=y]' is no name with parameters: a name is missing at character 1" + hint);
  CHECK(error("a[b=c") ==
        "'a[b=c' is no name with parameters: ']' is missing at character 6" + hint);
  CHECK(error("a[b=c]d") ==
        "'a[b=c]d' is no name with parameters: unexpected text at character 7" + hint);
  CHECK(error("a[b?c]") ==
        "'a[b?c]' is no name with parameters: a condition must read ?key=value at character 6" +
            hint);
  CHECK(error("a[,]") ==
        "'a[,]' is no name with parameters: a parameter name is missing at character 3" + hint);
}

TEST_CASE("lists of references") {
  CHECK(names("a[x=1] b[y=2] c") == std::vector<std::string>{"a", "b", "c"});
  CHECK(names("a[x=\"p\n q\"] b") == std::vector<std::string>{"a", "b"});
  CHECK(names("\n  a\n  b[x=\"1 2\",\n y=3]\n") == std::vector<std::string>{"a", "b"});
  CHECK(names(" ").empty());
  CHECK_FALSE(parse_references("a[x=1]b"));
  CHECK_FALSE(parse_references("a [x=1]"));
}
