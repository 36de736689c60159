#include "filter/filter.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <set>
#include <string>

using namespace warder::filter;

namespace {

// Why the shipped filter is refused; empty when it loads.
std::string problem(const std::string& name, std::map<std::string, std::string> parameters = {}) {
  FilterRequest request;
  request.name = name;
  request.parameters = std::move(parameters);
  request.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
  const auto filter = load_filter(request);
  return filter ? "" : filter.error().message();
}

}  // namespace

TEST_CASE("shipped text filters hold what their samples say, in every mode") {
  for (const char* mode : {"normal", "ddos", "aggressive"}) {
    INFO(mode);
    CHECK(problem("sshd", {{"mode", mode}}) == "");
  }
  for (const char* mode : {"all", "login", "admin"}) {
    INFO(mode);
    CHECK(problem("vaultwarden", {{"mode", mode}}) == "");
  }
  CHECK(problem("sqlite-backup-security") == "");
}
