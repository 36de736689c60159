#include "backup/passphrases.h"

#include <fmt/core.h>

namespace warder::backup {

util::Result<Passphrase> find_passphrase(const ReadManifest& manifest, Passphrases& passphrases) {
  if (!manifest.manifest.key) {
    return util::Error(util::ErrorCode::kInvalid, "the backup is not encrypted");
  }
  const KeyId& id = *manifest.manifest.key;
  WARDER_ASSIGN_OR_RETURN(std::vector<Passphrase> candidates, passphrases.candidates(id));
  for (Passphrase& candidate : candidates) {
    const util::Status fits = manifest.check_seal(candidate.text);
    if (fits) {
      return std::move(candidate);
    }
    if (fits.error().code() != util::ErrorCode::kDenied) {
      return fits.error();
    }
  }
  return util::Error(
      util::ErrorCode::kDenied,
      fmt::format(
          "no known passphrase fits the seal of {} ({} version {}): the passphrase is lost, "
          "or the manifest was changed",
          manifest_name(manifest.manifest.name, manifest.manifest.stamp), id.reference,
          id.version));
}

}  // namespace warder::backup
