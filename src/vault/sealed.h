#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"

#include <cstdint>
#include <string_view>

namespace warder::vault {

// The envelope of every file that the vault module writes; README.md has the layout. `magic` is 8
// characters and names the kind of file.
struct Unsealed {
  crypto::SecretString plain;
  std::uint64_t counter = 0;
};

// `counter` and `associated` are authenticated; the counter stands in the clear, `associated` (the
// document's name, for instance) is not stored at all and must be given again to open.
util::Result<util::Bytes> seal(std::string_view magic, const crypto::SecretString& key,
                               std::uint64_t counter, std::string_view associated,
                               util::ByteView plain);

// kInvalid with what is wrong: not such a file, a newer format, cut off, another key, changed.
// Never a part of the content.
util::Result<Unsealed> unseal(std::string_view magic, const crypto::SecretString& key,
                              std::string_view associated, util::ByteView sealed);

}  // namespace warder::vault
