#pragma once

#include <string_view>

namespace warder::config {

// Whether the `document` of a reference to the vault is a path of the vault itself instead
// (vault:/database/creds/ROLE/password): what it answers is made for this host and ends with its
// lease. Whoever uses such a secret asks for it each time instead of keeping it.
constexpr bool is_vault_path(std::string_view document) { return document.starts_with('/'); }

}  // namespace warder::config
