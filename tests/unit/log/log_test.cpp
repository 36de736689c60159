#include "log/log.h"

#include <catch2/catch.hpp>

using namespace warder;

TEST_CASE("a registered secret never leaves") {
  log::register_secret("hunter2-canary");
  CHECK(log::redact("token hunter2-canary and hunter2-canary again") ==
        "token [redacted] and [redacted] again");
  log::register_secret("abc");
  CHECK(log::redact("abc") == "abc");
}

TEST_CASE("levels by name") {
  CHECK(*log::parse_level("notice") == log::Level::kNotice);
  CHECK_FALSE(log::parse_level("loud"));
}
