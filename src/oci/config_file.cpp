#include "oci/config_file.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <vector>

namespace warder::oci {
namespace {

using util::Error;
using util::ErrorCode;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

using Options = std::map<std::string, std::string_view, std::less<>>;

struct Sections {
  std::map<std::string, Options, std::less<>> by_name;
};

util::Result<Sections> read_sections(std::string_view text) {
  Sections sections;
  Options* current = nullptr;
  std::size_t number = 0;
  for (const std::string_view raw : util::split(text, '\n')) {
    ++number;
    const std::string_view line = util::trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
      continue;
    }
    if (line.front() == '[') {
      const auto end = line.find(']');
      if (end == std::string_view::npos) {
        return Error(ErrorCode::kInvalid, fmt::format("line {}: '[' without ']'", number));
      }
      current = &sections.by_name[std::string(util::trim(line.substr(1, end - 1)))];
      continue;
    }
    const auto equals = line.find_first_of("=:");
    if (equals == std::string_view::npos) {
      return Error(ErrorCode::kInvalid, fmt::format("line {}: expected KEY = VALUE", number));
    }
    if (current == nullptr) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("line {}: a key before the first [PROFILE]", number));
    }
    (*current)[util::to_lower(util::trim(line.substr(0, equals)))] =
        util::trim(line.substr(equals + 1));
  }
  return sections;
}

std::filesystem::path expand(std::string_view path, const std::filesystem::path& home) {
  if (path == "~") {
    return home;
  }
  return path.starts_with("~/") ? home / path.substr(2) : std::filesystem::path(path);
}

}  // namespace

bool is_ocid(std::string_view text) {
  // "ocid1.tenancy.oc1..aaaa": five parts or more between '.' or ':', all but the first and the
  // last may be empty.
  if (text.size() > 255) {
    return false;
  }
  std::size_t parts = 1;
  for (const char c : text) {
    if (c == '.' || c == ':') {
      ++parts;
    } else if (!is_word_character(c)) {
      return false;
    }
  }
  return parts >= 5 && is_word_character(text.front()) && is_word_character(text.back());
}

bool is_fingerprint(std::string_view text) {
  if (text.size() != 47) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i % 3 == 2 ? c != ':' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return false;
    }
  }
  return true;
}

util::Result<Profile> parse_profile(std::string_view text, std::string_view name,
                                    const std::filesystem::path& home) {
  WARDER_ASSIGN_OR_RETURN(const Sections sections, read_sections(text));
  const auto own = sections.by_name.find(name);
  if (own == sections.by_name.end()) {
    std::vector<std::string> names;
    for (const auto& [known, options] : sections.by_name) {
      names.push_back(util::printable(known, 64));
    }
    return Error(ErrorCode::kNotFound,
                 fmt::format("there is no profile [{}]; there are: {}", util::printable(name, 64),
                             fmt::join(names, ", ")));
  }
  const auto defaults = sections.by_name.find("DEFAULT");
  const auto value = [&](std::string_view key) -> std::string_view {
    if (const auto found = own->second.find(key); found != own->second.end()) {
      return found->second;
    }
    if (defaults != sections.by_name.end()) {
      const auto found = defaults->second.find(key);
      return found == defaults->second.end() ? std::string_view() : found->second;
    }
    return {};
  };
  Profile profile;
  profile.user = value("user");
  profile.tenancy = value("tenancy");
  profile.fingerprint = util::to_lower(value("fingerprint"));
  profile.region = value("region");
  profile.key_file = expand(value("key_file"), home);
  profile.passphrase = crypto::SecretString(value("pass_phrase"));
  if (profile.passphrase.empty()) {
    profile.passphrase = crypto::SecretString(value("passphrase"));
  }
  profile.security_token_file = expand(value("security_token_file"), home);

  const auto refuse = [&](std::string_view key, std::string_view what) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("profile [{}]: {} {}", util::printable(name, 64), key, what));
  };
  if (!is_ocid(profile.tenancy)) {
    return refuse("tenancy", "must be an OCID such as ocid1.tenancy.oc1..aaaa");
  }
  if (profile.key_file.empty()) {
    return refuse("key_file", "is missing: the file with the private key");
  }
  if (profile.security_token_file.empty()) {
    if (!is_ocid(profile.user)) {
      return refuse("user", "must be an OCID such as ocid1.user.oc1..aaaa");
    }
    if (!is_fingerprint(profile.fingerprint)) {
      return refuse("fingerprint",
                    "must be 16 hexadecimal pairs with colons, as the console shows it beside the "
                    "API key");
    }
  }
  return profile;
}

}  // namespace warder::oci
