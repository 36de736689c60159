#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace warder::vault {

// Reads a variable of the environment; empty when it is not set or empty.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
// The same after taking the secrets (VAULT_TOKEN and the like) out of the environment, so that no
// child gets them; the reader still knows them. The first call must come before there are threads.
const Environment& process_environment();

// Whether a variable says yes, in one of the spellings that vaults' own tools take.
bool says_yes(std::string_view value);

}  // namespace warder::vault
