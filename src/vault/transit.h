#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"
#include "util/result.h"
#include "vault/server_vault.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace warder::vault {

// A key of 32 bytes for one use (one backup), and the same key wrapped, to be
// stored beside what it encrypts. Only the vault opens the wrapped one.
struct DataKey {
  crypto::SecretString key;  // raw bytes
  std::string wrapped;       // "vault:v1:...", stored as it stands
  std::uint64_t key_version = 0;
};

// A signature of the transit engine as others verify it: raw, with the key version's public half.
struct TransitSignature {
  std::array<std::uint8_t, 32> public_key{};
  std::array<std::uint8_t, 64> signature{};
};

// The vault's transit engine: it holds keys that never leave it. Thread safe as ServerVault, which
// must outlive it. Names of keys are the operator's; they may hold what the vault allows.
//
// `associated` binds a wrapped key to what it is for (host, time, hash of the manifest): the same
// bytes must be given to open it, anything else is kInvalid.
class Transit {
 public:
  explicit Transit(ServerVault& vault, std::string mount = "transit")
      : vault_(vault), mount_(std::move(mount)) {}

  // Without associated data the vault makes the key; with some it is made here and wrapped there,
  // since Vault 1.21 passes over the associated data of its own datakey call without a word (and
  // opens such a key without it alone). OpenBao would take it.
  util::Result<DataKey> make_data_key(std::string_view key, util::ByteView associated);
  util::Result<crypto::SecretString> open_data_key(std::string_view key, std::string_view wrapped,
                                                   util::ByteView associated);
  // The same data key wrapped by the newest version of the transit key. The vault's own rewrap
  // knows no associated data (OpenBao 2.7, Vault 1.21): with some, the key is opened and wrapped
  // again here, and its bytes are in this process for that moment.
  util::Result<std::string> rewrap(std::string_view key, std::string_view wrapped,
                                   util::ByteView associated);
  // "vault:v1:..." over the bytes of a checkpoint; the key is of type ed25519.
  util::Result<std::string> sign(std::string_view key, util::ByteView message);
  // The same, raw, for verifiers that know no vault. Needs the right to read transit/keys/KEY, too.
  // kInvalid for a key of another type.
  util::Result<TransitSignature> sign_ed25519(std::string_view key, util::ByteView message);
  util::Result<bool> verify(std::string_view key, util::ByteView message,
                            std::string_view signature);

 private:
  util::Result<SecretJson> call(std::string_view verb, std::string_view key, nlohmann::json body);

  ServerVault& vault_;
  const std::string mount_;
};

}  // namespace warder::vault
