#include "util/backoff.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("waiting times double within a quarter of jitter up to the longest") {
  warder::util::Backoff backoff(100ms, 5s, 42);
  for (const auto wanted : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    const auto got = backoff.next();
    CHECK(got >= wanted - wanted / 4);
    CHECK(got <= wanted + wanted / 4);
  }
  for (int i = 0; i < 100; ++i) {
    CHECK(backoff.next() <= 6250ms);
  }
  backoff.reset();
  CHECK(backoff.next() <= 125ms);
}
