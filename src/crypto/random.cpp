#include "crypto/random.h"

#include <openssl/rand.h>

#include <chrono>
#include <cstring>
#include <limits>

namespace warder::crypto {

util::Status random_bytes(std::span<std::uint8_t> out) {
  if (out.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    return util::Error(util::ErrorCode::kInternal, "the system's random generator failed");
  }
  return {};
}

std::uint64_t random_seed() {
  std::uint8_t bytes[8];
  std::uint64_t seed = 0;
  if (random_bytes(bytes)) {
    std::memcpy(&seed, bytes, sizeof seed);
    return seed;
  }
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

}  // namespace warder::crypto
