#include "engine/line_mark.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace warder;
using engine::LineMark;

namespace {

model::GenerationId generation(std::uint8_t number) {
  model::GenerationId id;
  id.bytes.fill(number);
  return id;
}

// Whether the line is judged by a process that ends while it is.
bool crash_at(const std::filesystem::path& file, std::uint8_t log, std::uint64_t offset) {
  auto mark = LineMark::open(file);
  REQUIRE(mark);
  return mark->begin(generation(log), offset);
}

}  // namespace

TEST_CASE("a line that ended the process three times in a row is passed over") {
  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder / "judging";
  for (int crash = 0; crash < 3; ++crash) {
    CHECK(crash_at(file, 1, 500));
  }
  auto mark = LineMark::open(file);
  REQUIRE(mark);
  CHECK_FALSE(mark->begin(generation(1), 500));
  CHECK(mark->begin(generation(1), 501));
  mark->end();
  CHECK(mark->begin(generation(2), 500));
  mark->end();
  // For good.
  auto again = LineMark::open(file);
  REQUIRE(again);
  CHECK_FALSE(again->begin(generation(1), 500));
}

TEST_CASE("ends of the process elsewhere count for no line") {
  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder / "judging";
  for (int crash = 0; crash < 5; ++crash) {
    CHECK(crash_at(file, 1, 500));
    CHECK(crash_at(file, 1, 600));
  }
  for (int clean = 0; clean < 5; ++clean) {
    auto mark = LineMark::open(file);
    REQUIRE(mark);
    CHECK(mark->begin(generation(1), 700));
    mark->end();
  }
  CHECK(crash_at(file, 1, 700));
}

TEST_CASE("the newest lines are remembered, and a strange file says nothing") {
  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder / "judging";
  for (std::uint64_t offset = 0; offset <= LineMark::kRemembered; ++offset) {
    for (int crash = 0; crash < 3; ++crash) {
      CHECK(crash_at(file, 1, offset));
    }
  }
  {
    auto mark = LineMark::open(file);
    REQUIRE(mark);
    CHECK(mark->begin(generation(1), 0));
    mark->end();
    CHECK_FALSE(mark->begin(generation(1), 1));
    CHECK_FALSE(mark->begin(generation(1), LineMark::kRemembered));
  }
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  std::ofstream(file, std::ios::trunc) << "something else";
  auto mark = LineMark::open(file);
  REQUIRE(mark);
  CHECK(mark->begin(generation(1), 1));
  CHECK_FALSE(LineMark::open(folder / "nowhere" / "judging"));
}
