#pragma once

#include "crypto/secret.h"
#include "util/result.h"
#include "vault/provider.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace warder::vault {

// What OCI Vault calls the places of a secret's versions.
inline constexpr std::array<std::string_view, 5> kStages{"CURRENT", "PENDING", "LATEST", "PREVIOUS",
                                                         "DEPRECATED"};

// A provider whose versions have stages beside their numbers, so that a new one can lie ready
// without being the current one. Thread safe, as the provider that it is.
class StagedProvider {
 public:
  StagedProvider() = default;
  StagedProvider(const StagedProvider&) = delete;
  StagedProvider& operator=(const StagedProvider&) = delete;
  virtual ~StagedProvider() = default;

  // `stage` is one of kStages. kNotFound also when no version is in it.
  virtual util::Result<Document> get_stage(std::string_view name, std::string_view stage) = 0;
  // Writes a version that nobody gets as the current one before promote(); its number. kNotFound:
  // the document is not there, and its first version is always the current one.
  virtual util::Result<std::uint64_t> put_pending(std::string_view name,
                                                  const crypto::SecretString& content,
                                                  const PutOptions& options) = 0;
  // Makes `version` the current one, the newest if none is named; its number. An older one goes
  // back. kConflict: it is that already, or somebody wrote in between.
  virtual util::Result<std::uint64_t> promote(std::string_view name,
                                              std::optional<std::uint64_t> version) = 0;
};

}  // namespace warder::vault
