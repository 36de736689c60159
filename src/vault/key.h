#pragma once

#include "crypto/secret.h"
#include "util/result.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace warder::vault {

// The 32 byte key of a sealed file. As text it is 64 hexadecimal digits with an optional line end
// (what create_key_file writes and `openssl rand -hex 32` prints); 32 raw bytes are taken too.

// The content of $CREDENTIALS_DIRECTORY/`name`, at most 4 KiB, as it stands. kNotFound where there
// is none; the word "none" stands for that, too: a unit's SetCredential=NAME:none lets it start
// without the file of its LoadCredential=. The text tells which of it, and what to do.
util::Result<crypto::SecretString> read_credential(std::string_view name);

// From $CREDENTIALS_DIRECTORY/`name` (systemd.exec(5), LoadCredential= and
// LoadCredentialEncrypted=). kNotFound tells how to give the service a credential.
util::Result<crypto::SecretString> load_key_credential(std::string_view name);

// From a regular file that only its owner can read. The owner must be root, the user of this
// process or `allowed_owner`; anything else is kDenied and the text holds the command that sets it
// right.
util::Result<crypto::SecretString> load_key_file(const std::filesystem::path& path,
                                                 std::optional<uid_t> allowed_owner = {});

// A new random key in a new file of mode 0600. kConflict when the file exists: a key that is
// overwritten takes everything sealed with it along.
util::Status create_key_file(const std::filesystem::path& path);

// A fresh random key.
util::Result<crypto::SecretString> make_key();

}  // namespace warder::vault
