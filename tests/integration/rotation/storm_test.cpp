#include "integration/rotation/oracle.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

using namespace warder;
using namespace warder::testing;

namespace fs = std::filesystem;

namespace {

void rotate(const TemporaryFolder& folder, int rotation) {
  fs::rename(folder / "app.log", folder / ("app.log-" + std::to_string(20260000 + rotation)));
}

}  // namespace

TEST_CASE("B03: 1,000 rotations, the agent looking now and then", "[rotation]") {
  const TemporaryFolder folder;
  Following following({(folder / "app.log").string()});
  Oracle oracle;
  std::uint64_t most_open = 0;
  for (int rotation = 0; rotation < 1000; ++rotation) {
    for (int i = 0; i < 3; ++i) {
      const std::string line = std::to_string(rotation) + "." + std::to_string(i);
      folder.append("app.log", line + "\n");
      oracle.wrote(line);
      if ((rotation * 3 + i) % 7 == 0) {
        following.pump();
        most_open = std::max(most_open, following.source->status().open_files);
      }
    }
    rotate(folder, rotation);
  }
  folder.append("app.log", "last\n");
  oracle.wrote("last");
  following.pump();
  oracle.judged(following.recorder.lines);
  REQUIRE(oracle.complaint() == std::nullopt);
  REQUIRE(most_open <= 10);
  // Of each kind (rotated, found again) ten are told one by one.
  REQUIRE(following.recorder.notices.size() == 20);
  REQUIRE(following.source->status().notices_withheld > 0);
}

TEST_CASE("B03: 1,000 rotations while nobody looks", "[rotation]") {
  const TemporaryFolder folder;
  Following following({(folder / "app.log").string()});
  Oracle oracle;
  folder.append("app.log", "first\n");
  oracle.wrote("first");
  following.pump();
  following.store();
  following.stop();
  for (int rotation = 0; rotation < 1000; ++rotation) {
    folder.append("app.log", "late " + std::to_string(rotation) + "\n");
    oracle.wrote("late " + std::to_string(rotation));
    rotate(folder, rotation);
  }
  following.start();
  following.pump();
  oracle.judged(following.recorder.lines);
  REQUIRE(oracle.complaint() == std::nullopt);
  REQUIRE(following.source->status().open_files <= 10);
}
