#pragma once

#include "crypto/ed25519.h"
#include "util/result.h"

#include <filesystem>
#include <string_view>

namespace warder::agent {

// The key that signs this host's checkpoints, made at the first start: the secret seed in
// hexadecimal in `secret` (0600), the verifier key (C2SP form, for `warder verify` and for outside
// programs) in `verifier` (0644). A secret that others can read, of another user or behind a link
// is refused: what it signs would prove nothing.
util::Result<crypto::Ed25519SecretKey> signing_key(const std::filesystem::path& secret,
                                                   const std::filesystem::path& verifier,
                                                   std::string_view origin);

}  // namespace warder::agent
