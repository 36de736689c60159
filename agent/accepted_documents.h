#pragma once

#include "crypto/secret.h"
#include "engine/configuration.h"
#include "util/result.h"

#include <filesystem>

namespace warder::agent {

// The vault's documents that ran last, sealed on disk. The copies of the cache are what the vault
// said last, good or not: a start that finds wrong documents there goes on with these, as an agent
// that runs does when it refuses them. The owner serialises the calls.
class AcceptedDocuments {
 public:
  // `folder` as of vault::CacheOptions, which keeps its copies beside it.
  AcceptedDocuments(const std::filesystem::path& folder, crypto::SecretString key);

  // Writes only what differs from what is kept.
  util::Status keep(const engine::VaultDocuments& documents);
  // kNotFound: none were kept yet.
  util::Result<engine::VaultDocuments> kept() const;

 private:
  const std::filesystem::path path_;
  const crypto::SecretString key_;
};

}  // namespace warder::agent
