#include "source/window_position.h"

#include <catch2/catch.hpp>

using namespace warder::source;

TEST_CASE("a window position is one line of text and comes back as it was") {
  const WindowPosition position{29893540, {{0x1f2e3d4c5b6a7988, 29893600}, {7, 29893600}, {9, 3}}};
  const std::string text = encode(position);
  CHECK(text ==
        "w1 29893540 3:0000000000000009 29893600:0000000000000007,1f2e3d4c5b6a7988 "
        "5a4449ef0e22858c");
  const auto read = decode_window_position(text);
  REQUIRE(read);
  CHECK(*read == position);
  CHECK(*decode_window_position(encode({})) == WindowPosition{});
}

TEST_CASE("whatever would not be written like this is no window position") {
  const std::string good = encode({5, {{1, 6}, {2, 6}, {3, 7}}});
  REQUIRE(decode_window_position(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char other : {' ', '0', '9', 'a', ',', ':'}) {
      std::string changed = good;
      changed[i] = other;
      if (changed != good) {
        CHECK_FALSE(decode_window_position(changed));
      }
    }
    CHECK_FALSE(decode_window_position(good.substr(0, i)));
  }
  WindowPosition full{1, {}};
  for (std::uint64_t id = 0; id < WindowPosition::kMostSeen; ++id) {
    full.seen.emplace(id, 2);
  }
  CHECK(decode_window_position(encode(full)));
  full.seen.emplace(WindowPosition::kMostSeen, 2);
  CHECK_FALSE(decode_window_position(encode(full)));
}

TEST_CASE("ids are known by the first bytes of their SHA-256") {
  CHECK(id_hash("") == 0xe3b0c44298fc1c14);
  CHECK(id_hash("abc") == 0xba7816bf8f01cfea);
}
