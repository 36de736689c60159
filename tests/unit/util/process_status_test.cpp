#include "util/process_status.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace warder;

TEST_CASE("a process' name cannot forge its user") {
  CHECK(
      util::parse_process_status("Name:\tx\\nUid:\t0\nState:\tS\nUid:\t1000\t1000\t1000\t1000\n") ==
      util::ProcessStatus{"x\\\\nUid:\\x090", 1000});
  CHECK_FALSE(util::parse_process_status("Uid:\t0\n"));
}

TEST_CASE("a process is told by its name, number and user") {
  const testing::TemporaryFolder proc;
  proc.write("7/status", "Name:\tvi\nUmask:\t0022\nUid:\t0\t0\t0\t0\n");
  const auto process = util::process_status(proc.path(), 7);
  REQUIRE(process);
  CHECK(util::to_text(*process, 7) == "vi (pid 7, user root)");
  CHECK_FALSE(util::process_status(proc.path(), 8));
}
