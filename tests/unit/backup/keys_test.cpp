#include "backup/keys.h"

#include <catch2/catch.hpp>

namespace warder::backup {
namespace {

TEST_CASE("the table of [backup NAME] is sound") {
  CHECK(config::defects(backup_table()) == std::vector<std::string>{});
}

}  // namespace
}  // namespace warder::backup
