#include "filter/filter.h"
#include "support/temporary_folder.h"
#include "util/file.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <regex>
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

TEST_CASE("shipped filters load with the parameters that they name themselves") {
  const std::filesystem::path folder = std::filesystem::path(WARDER_SOURCE_DIR) / "filters";
  // Three dots stand for a value that the text tells of.
  const std::regex example(R"(filter = ([a-z-]+)\[([a-z_-]+)=(?!\.\.\.)\"?([^\"\]]+)\"?\])");
  std::size_t examples = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".conf") {
      continue;
    }
    const std::string text =
        warder::util::read_file(file.path(), warder::util::mebibytes(1)).value();
    for (std::sregex_iterator found(text.begin(), text.end(), example), end; found != end;
         ++found) {
      INFO(found->str());
      CHECK(problem((*found)[1], {{(*found)[2], (*found)[3]}}) == "");
      ++examples;
    }
  }
  CHECK(examples > 15);
  CHECK(problem("portscan", {{"prefix", R"(\[UFW BLOCK\])"}}) == "");
  CHECK(problem("vault-break-glass", {{"_namespaces", "^emergency/"}}) == "");
}

TEST_CASE("the example of a text filter in filters/README.md holds") {
  const std::filesystem::path readme =
      std::filesystem::path(WARDER_SOURCE_DIR) / "filters" / "README.md";
  const std::string text = warder::util::read_file(readme, warder::util::mebibytes(1)).value();
  const std::size_t begin = text.find("```ini\n[Definition]\nmode = normal\n");
  REQUIRE(begin != std::string::npos);
  const std::string example = text.substr(begin + 7, text.find("```", begin + 7) - begin - 7);
  const warder::testing::TemporaryFolder folder;
  folder.write("mydaemon.conf", example);
  for (const char* mode : {"normal", "hard"}) {
    FilterRequest request;
    request.name = "mydaemon";
    request.parameters = {{"mode", mode}};
    request.folders = {folder.path()};
    const auto filter = load_filter(request);
    INFO(mode);
    CHECK((filter ? "" : filter.error().message()) == "");
  }
}
