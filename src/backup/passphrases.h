#pragma once

#include "backup/manifest.h"
#include "crypto/secret.h"
#include "util/result.h"

#include <vector>

namespace warder::backup {

struct Passphrase {
  KeyId id;
  crypto::SecretString text;
};

// Where passphrases come from: the vault (vault_passphrases.h), a file.
class Passphrases {
 public:
  virtual ~Passphrases() = default;
  // What a new backup is encrypted with.
  virtual util::Result<Passphrase> current() = 0;
  // What may open a backup that was encrypted with `id`, most likely first. kNotFound when nothing
  // does any more; kUnavailable when what may have it cannot be asked now, which is no loss.
  virtual util::Result<std::vector<Passphrase>> candidates(const KeyId& id) = 0;
};

// The one of the candidates that fits the manifest's seal. kDenied when none does: the backup's key
// is lost, or the manifest was changed. kUnavailable as above.
util::Result<Passphrase> find_passphrase(const ReadManifest& manifest, Passphrases& passphrases);

}  // namespace warder::backup
