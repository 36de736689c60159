#include "vault/patience.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace warder;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using vault::Trouble;

namespace {

// The least that each wait may be; it may be up to a quarter longer.
void check(Trouble trouble, const std::vector<milliseconds>& least,
           std::optional<std::chrono::seconds> said = {}, milliseconds interval = 30s) {
  vault::Patience patience(interval, 1s, 7);
  for (const milliseconds one : least) {
    const milliseconds wait = patience.after({trouble, said});
    CHECK(wait >= one);
    CHECK(wait <= one + one / 4);
  }
}

}  // namespace

TEST_CASE("how long a provider is left alone depends on what is wrong with it") {
  check(Trouble::kPassing, {1s, 2s, 4s, 8s, 16s, 30s, 30s});
  check(Trouble::kUnreachable, {1s, 2s, 4s, 8s, 16s, 30s, 30s});
  check(Trouble::kSealed, {30s, 30s, 30s});
  check(Trouble::kSealed, {1min, 1min}, {}, 10min);
  check(Trouble::kThrottled, {1min, 2min, 4min, 8min, 15min, 15min});
  check(Trouble::kThrottled, {7s, 7s}, 7s);
  check(Trouble::kThrottled, {1h}, 24h * 365);
  check(Trouble::kRefused, {1min, 2min, 4min, 5min, 5min});
  check(Trouble::kFault, {1min, 2min, 4min, 5min, 5min});
  // An interval beyond the limits is never shortened by them.
  check(Trouble::kFault, {1h, 1h}, {}, 1h);
  check(Trouble::kRefused, {24h}, {}, 24h);
}

TEST_CASE("another trouble begins anew, and so does one after an answer") {
  vault::Patience patience(30s, 1s, 7);
  for (int i = 0; i < 100; ++i) {
    patience.after({Trouble::kFault});
  }
  CHECK(patience.after({Trouble::kPassing}) < 2s);
  CHECK(patience.after({Trouble::kFault}) < 80s);
  patience.after({Trouble::kPassing});
  patience.after({Trouble::kPassing});
  patience.reset();
  CHECK(patience.after({Trouble::kPassing}) < 2s);
}

TEST_CASE("of an error alone its code tells the kind") {
  using util::Error;
  using util::ErrorCode;
  CHECK(vault::failure_of(Error(ErrorCode::kDenied, "")).trouble == Trouble::kRefused);
  CHECK(vault::failure_of(Error(ErrorCode::kUnavailable, "")).trouble == Trouble::kUnreachable);
  CHECK(vault::failure_of(Error(ErrorCode::kTimeout, "")).trouble == Trouble::kUnreachable);
  CHECK(vault::failure_of(Error(ErrorCode::kNotFound, "")).trouble == Trouble::kUnreachable);
  CHECK(vault::failure_of(Error(ErrorCode::kInvalid, "")).trouble == Trouble::kFault);
  CHECK(vault::failure_of(Error(ErrorCode::kIo, "")).trouble == Trouble::kFault);
}
