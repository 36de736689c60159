#pragma once

#include "crypto/secret.h"
#include "util/result.h"
#include "vault/provider.h"

#include <functional>
#include <string>
#include <string_view>

namespace warder::vault {

// Where a secret is to be found; what configuration holds instead of the secret:
//   vault:DOC/KEY     member KEY (a string) of the JSON object in document DOC; KEY is what follows
//                     the last '/'
//   file:/path        the content of a file that only its owner can read, without the line end
//   credential:NAME   $CREDENTIALS_DIRECTORY/NAME (systemd), without the line end
struct Reference {
  enum class Kind { kVault, kFile, kCredential };
  Kind kind = Kind::kVault;
  std::string place;  // document, absolute path or credential name
  std::string key;    // kVault only

  // kInvalid names the three forms. A bare secret is refused without being repeated in the text.
  static util::Result<Reference> parse(std::string_view text);
  // As written; holds no secret.
  std::string to_string() const;

  friend bool operator==(const Reference&, const Reference&) = default;
};

// Fetches a document by name; Provider::get or Cache::get bound by the caller. May be empty when
// there is no vault.
using DocumentSource = std::function<util::Result<Document>(std::string_view name)>;

// The secret itself. Errors name the reference, never the content. An empty secret is kInvalid.
util::Result<crypto::SecretString> resolve(const Reference& reference,
                                           const DocumentSource& documents);

// Member `key` of the JSON object `document`. kInvalid: no JSON object, a member name given twice,
// the member is no string; kNotFound: no such member. Other members may be of any type.
util::Result<crypto::SecretString> document_member(const crypto::SecretString& document,
                                                   std::string_view key);

}  // namespace warder::vault
