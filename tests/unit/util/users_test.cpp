#include "util/users.h"

#include <catch2/catch.hpp>

namespace warder::util {
namespace {

TEST_CASE("users and groups have their names, or their numbers where there is none") {
  CHECK(find_user_name(0) == "root");
  CHECK(user_name(0) == "root");
  CHECK(group_name(0) == "root");
  CHECK(find_user_name(4'000'000'000) == std::nullopt);
  CHECK(user_name(4'000'000'000) == "4000000000");
  CHECK(group_name(4'000'000'000) == "4000000000");
}

}  // namespace
}  // namespace warder::util
