#pragma once

#include "crypto/secret.h"
#include "util/file.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace warder::vault {

// The highest generation of a vault file seen so far, kept in a small file of its own that is
// authenticated with the vault's key, so that only a holder of the key can raise or lower it.

// 0 when there is no such file. kInvalid when it is damaged or of another key.
util::Result<std::uint64_t> read_mark(const std::filesystem::path& path,
                                      const crypto::SecretString& key);
util::Status write_mark(const std::filesystem::path& path, const crypto::SecretString& key,
                        std::uint64_t generation, std::optional<util::FileOwner> owner);

}  // namespace warder::vault
