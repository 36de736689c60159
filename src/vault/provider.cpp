#include "vault/provider.h"

#include "config/vault_path.h"
#include "util/strings.h"

#include <fmt/core.h>

namespace warder::vault {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

util::Result<std::uint64_t> Provider::version(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Document document, get(name));
  return document.version;
}

util::Status Provider::retract(std::string_view /*name*/) {
  return util::Error(util::ErrorCode::kInvalid,
                     "this vault cannot delete so that it can be brought back; delete for good, or "
                     "write an earlier version anew");
}

util::Status Provider::undelete(std::string_view /*name*/) {
  return util::Error(util::ErrorCode::kInvalid, "this vault keeps nothing of what was deleted");
}

util::Status check_name(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("'{}' is no document name: {}; write for instance jails or "
                                   "alerts",
                                   util::printable(name, 64), why));
  };
  if (config::is_vault_path(name)) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("'{}' is a path of HashiCorp Vault or OpenBao, whose credentials "
                    "end with a lease: they can be read only, and only with "
                    "provider = vault in [vault]",
                    util::printable(name, 128)));
  }
  if (name.empty() || name.size() > Provider::kLongestName) {
    return refuse(fmt::format("it must have 1 to {} characters", Provider::kLongestName));
  }
  for (const char c : name) {
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-' && c != '/') {
      return refuse("only a-z, 0-9, '.', '_', '-' and '/' are allowed");
    }
  }
  for (const std::string_view part : util::split(name, '/')) {
    if (part.empty() || !is_letter_or_digit(part.front())) {
      return refuse("each part between '/' must begin with a letter or digit");
    }
  }
  return {};
}

}  // namespace warder::vault
