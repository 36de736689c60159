#pragma once

#include "backup/passphrases.h"
#include "config/values.h"
#include "vault/provider.h"
#include "vault/transit.h"

#include <optional>
#include <string>
#include <string_view>

namespace warder::backup {

// What a KeyId refers to begins with, when it is a data key of that name.
inline constexpr std::string_view kTransitReference = "transit:";

// Passphrases from where the configuration says: a member of a document of the vault, with the
// document's version; a file or credential, which have none (version 0); or the vault's transit
// engine, which makes one for each backup.
//
// For an older version the vault is asked for that version of the document, then for all others
// that it still has: a vault that was itself restored may count differently. A file given for the
// occasion (warder backup ... --passphrase-file) is tried first. A vault that does not answer is
// asked no second time.
class VaultPassphrases : public Passphrases {
 public:
  struct Parts {
    std::optional<config::SecretReference> reference;
    std::string data_key;                     // of `transit`; empty: none
    vault::Provider* provider = nullptr;      // null: there is no vault, or see `trouble`
    vault::Transit* transit = nullptr;        // for a data key
    crypto::SecretString given;               // for the occasion; empty: none
    std::optional<util::Error> trouble = {};  // why the vault could not be opened
  };
  explicit VaultPassphrases(Parts parts) : parts_(std::move(parts)) {}

  util::Result<Passphrase> current() override;
  util::Result<std::vector<Passphrase>> candidates(const KeyId& id) override;

 private:
  util::Result<Passphrase> read(const config::SecretReference& reference,
                                std::optional<std::uint64_t> version);
  void add_versions(const config::SecretReference& reference, const KeyId& id,
                    std::vector<Passphrase>& all);
  // Remembers that the vault is away: who looks at many backups waits for it once.
  void note(const util::Error& error);

  Parts parts_;
};

}  // namespace warder::backup
