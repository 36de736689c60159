#pragma once

#include "config/values.h"
#include "crypto/secret.h"
#include "util/result.h"
#include "vault/provider.h"

#include <functional>
#include <string_view>

namespace warder::vault {

// Fetches a document by name; Provider::get or Cache::get bound by the caller. May be empty when
// there is no vault.
using DocumentSource = std::function<util::Result<Document>(std::string_view name)>;

// The secret that a key of the configuration refers to:
//   vault:DOC/KEY     member KEY (a string) of the JSON object in document DOC
//   file:/path        the content of a file that nobody else can read, without the line end
//   credential:NAME   $CREDENTIALS_DIRECTORY/NAME (systemd), without the line end
// Errors name the reference, never the content. An empty secret is kInvalid. The secret is
// registered with log::register_secret() as the last line of defence.
util::Result<crypto::SecretString> resolve(const config::SecretReference& reference,
                                           const DocumentSource& documents);

// Member `key` of the JSON object `document`. kInvalid: no JSON object, the member is given twice
// or is no string; kNotFound: no such member. Other members may be of any type.
util::Result<crypto::SecretString> document_member(const crypto::SecretString& document,
                                                   std::string_view key);

}  // namespace warder::vault
