#pragma once

#include "crypto/secret.h"
#include "util/result.h"
#include "vault/provider.h"

#include <cstdint>
#include <string_view>

namespace warder::vault {

// Writes a document anew that was read as `options.expected_version` (0: it was not there). Where
// the vault has a condition to write under, kConflict when somebody else wrote meanwhile; KV
// version 1 has none. The new version number; other errors as Provider::put().
util::Result<std::uint64_t> put_over(Provider& provider, std::string_view name,
                                     const crypto::SecretString& content, PutOptions options);

}  // namespace warder::vault
