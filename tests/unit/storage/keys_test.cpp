#include "storage/keys.h"

#include <catch2/catch.hpp>

namespace warder::storage {
namespace {

TEST_CASE("the table of [storage NAME] is sound") {
  CHECK(config::defects(storage_table()) == std::vector<std::string>{});
}

}  // namespace
}  // namespace warder::storage
