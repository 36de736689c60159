#include "vault/environment.h"

#include "util/strings.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <unistd.h>
#include <utility>

namespace warder::vault {
namespace {

constexpr std::string_view kSecretNames[] = {"TOKEN", "SECRET_ID"};

std::optional<std::string> environment_variable(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

Environment take_environment() {
  auto kept = std::make_shared<std::map<std::string, std::string, std::less<>>>();
  for (const std::string_view part : kSecretNames) {
    for (const std::string_view prefix : {"VAULT_", "BAO_"}) {
      const std::string name = std::string(prefix) + std::string(part);
      if (auto value = environment_variable(name)) {
        kept->emplace(name, std::move(*value));
        ::unsetenv(name.c_str());
      }
    }
  }
  return [kept](std::string_view name) -> std::optional<std::string> {
    const auto found = kept->find(name);
    return found != kept->end() ? std::optional(found->second) : environment_variable(name);
  };
}

}  // namespace

const Environment& process_environment() {
  static const Environment environment = take_environment();
  return environment;
}

bool says_yes(std::string_view value) {
  const std::string lower = util::to_lower(util::trim(value));
  return lower == "1" || lower == "true" || lower == "yes" || lower == "on" || lower == "t";
}

}  // namespace warder::vault
