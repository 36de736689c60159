#pragma once

#include "util/encoding.h"

#include <array>
#include <cstdint>
#include <memory>

// Declared so that no user of this header needs OpenSSL's.
struct evp_md_ctx_st;

namespace warder::crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) over bytes that come in pieces. A copy goes on from the same point, so that
// the digest of what came so far can be taken without ending the stream. Not thread safe.
//
// A failing OpenSSL (out of memory) throws std::bad_alloc: there is no other way for SHA-256 to
// fail.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;
  ~Sha256() = default;

  void update(util::ByteView bytes);
  // The digest of everything since the start or the last finish(); begins anew.
  Sha256Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The digest of one piece. Thread safe.
Sha256Digest sha256(util::ByteView bytes);

}  // namespace warder::crypto
