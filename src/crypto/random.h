#pragma once

#include "util/result.h"

#include <cstdint>
#include <span>

namespace warder::crypto {

// Fills `out` from the operating system's generator (through OpenSSL), fit for keys and nonces.
// kInternal when it is not available; then nothing may be encrypted. Thread safe.
util::Status random_bytes(std::span<std::uint8_t> out);

// A seed for jitter, where a predictable value would do no harm: never fails. Thread safe.
std::uint64_t random_seed();

}  // namespace warder::crypto
