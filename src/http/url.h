#pragma once

#include "util/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace warder::http {

// The parts of an http or https URL that decide where a request goes.
struct Target {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without its brackets
  std::string port;    // empty: the scheme's own

  // "https://host:port", for messages.
  std::string to_string() const;
  friend bool operator==(const Target&, const Target&) = default;
};

// Empty for anything that is no absolute http or https URL, or has a user name or password in it.
std::optional<Target> parse_target(std::string_view url);

// Every byte that is no letter, digit, '-', '.', '_' or '~' as %XX (RFC 3986 section 2.1). '/' can
// be kept, for a path of several parts.
enum class Slashes { kEncoded, kKept };
std::string percent_encode(std::string_view text, Slashes slashes = Slashes::kEncoded);

}  // namespace warder::http
