#include "config/secret_reference.h"

#include <algorithm>
#include <string>

namespace warder::config {

std::optional<SecretReference> parse_secret_reference(std::string_view text) {
  using Kind = SecretReference::Kind;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  const bool is_clean = rest.find_first_of(" \t\r\n") == rest.npos && !rest.empty();
  if (kind == "vault" && is_clean) {
    const std::size_t slash = rest.rfind('/');
    if (slash != rest.npos && slash > 0 && slash + 1 < rest.size()) {
      return SecretReference{Kind::kVault, std::string(rest.substr(0, slash)),
                             std::string(rest.substr(slash + 1))};
    }
  } else if (kind == "file" && rest.starts_with('/')) {
    return SecretReference{Kind::kFile, {}, std::string(rest)};
  } else if (kind == "credential" && is_clean && rest.find('/') == rest.npos) {
    return SecretReference{Kind::kCredential, {}, std::string(rest)};
  }
  return std::nullopt;
}

}  // namespace warder::config
