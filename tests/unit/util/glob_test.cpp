#include "util/glob.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace warder;

TEST_CASE("paths that a pattern fits come in their order, one without a pattern when it is there") {
  const testing::TemporaryFolder folder;
  for (const char* name : {"b.log", "a.log", "a.txt"}) {
    std::ofstream(folder / name) << "x";
  }
  const std::string a = folder / "a.log";
  const std::string b = folder / "b.log";
  CHECK(util::paths_matching(folder / "*.log") == std::vector<std::string>{a, b});
  CHECK(util::paths_matching(a) == std::vector<std::string>{a});
  CHECK(util::paths_matching(folder / "c.log").empty());
  CHECK(util::paths_matching(folder / "c*").empty());
}
