#include "filter/json_summary.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace warder;

namespace {

model::Finding finding(std::vector<std::pair<std::string, std::string>> captures) {
  model::Finding made;
  made.text = "{\"the\":\"line\"}";
  made.captures = std::move(captures);
  return made;
}

std::string summary(const std::vector<std::size_t>& chosen,
                    std::vector<std::pair<std::string, std::string>> captures) {
  return filter::json_summary(chosen, finding(std::move(captures)));
}

}  // namespace

TEST_CASE("a summary is the chosen fields in their order") {
  const std::vector<std::pair<std::string, std::string>> captures{
      {"agent", "Mozilla/5.0 (X11)"}, {"method", "GET"}, {"status", "404"}, {"uri", "/.env"}};
  CHECK(summary({1, 3, 2, 0}, captures) == "GET /.env 404 \"Mozilla/5.0 (X11)\"");
  CHECK(summary({}, captures) == "agent=\"Mozilla/5.0 (X11)\" method=GET status=404 uri=/.env");
  CHECK(summary({}, {}) == R"({"the":"line"})");
}

TEST_CASE("one value cannot pass for several, nor hide those behind it") {
  CHECK(summary({0, 1}, {{"a", ""}, {"b", "404"}}) == "- 404");
  CHECK(summary({0, 1}, {{"a", "/x 200"}, {"b", "404"}}) == R"("/x 200" 404)");
  CHECK(summary({0, 1}, {{"a", R"(x" 200 "y)"}, {"b", "404"}}) == R"("x' 200 'y" 404)");
  CHECK(summary({0, 1}, {{"a", std::string(5000, 'x')}, {"b", "404"}}) ==
        std::string(120, 'x') + "... 404");
}
