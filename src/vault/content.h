#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"
#include "vault/encoding.h"
#include "vault/provider.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace warder::vault {

// What the file vault holds, unsealed: every document with its versions.
struct Content {
  struct Version {
    VersionInfo info;
    crypto::SecretString content;
  };
  struct Record {
    // Number of the newest version ever; a removed document keeps it, so that no number is used for
    // two contents.
    std::uint64_t newest = 0;
    std::vector<Version> versions;  // oldest first; empty: removed
  };

  std::uint64_t generation = 0;  // of the file; from its header, not in the encoding
  std::map<std::string, Record, std::less<>> records;

  // The record of a document that is there, or null.
  const Record* find(std::string_view name) const;
};

// The plain text that is sealed (README.md has the layout).
void encode(const Content& content, Writer* writer);
// kInvalid for anything that encode() does not write: what is sealed was written by us, so this is
// a defect or another program with our key.
util::Result<Content> decode(util::ByteView plain);

}  // namespace warder::vault
