#pragma once

#include "config/values.h"

#include <optional>
#include <string_view>

namespace warder::config {

// Reads where a secret lies: vault:DOCUMENT/KEY, file:/PATH or credential:NAME. A document's name
// may hold slashes: hooks/ops/url is url in hooks/ops. Nothing for anything else.
std::optional<SecretReference> parse_secret_reference(std::string_view text);

}  // namespace warder::config
