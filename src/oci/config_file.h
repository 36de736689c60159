#pragma once

#include "crypto/secret.h"
#include "util/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace warder::oci {

// One profile of the configuration file that Oracle's tools share (~/.oci/config): INI without
// interpolation, lines that begin with # or ; are comments, [DEFAULT] is inherited by the others
// (as in the Python client and the command line; the Go client does not). Keys that are not listed
// here are ignored, since other tools have their own.
struct Profile {
  std::string user;         // OCID; empty when a security token is used
  std::string tenancy;      // OCID
  std::string fingerprint;  // "aa:bb:...": 16 pairs
  std::string region;
  std::filesystem::path key_file;
  crypto::SecretString passphrase;
  std::filesystem::path security_token_file;  // empty: an API key
};

// Reads profile `name` out of the file's text. `home` replaces a leading "~" of file names.
// kNotFound when there is no such profile (the text names those there are); kInvalid with the line
// for a syntax error, and with the key for a value that is missing or malformed. Never quotes a
// passphrase.
util::Result<Profile> parse_profile(std::string_view text, std::string_view name,
                                    const std::filesystem::path& home);

// Is this an OCID, by the pattern of the official clients?
bool is_ocid(std::string_view text);
// 16 lower-case hexadecimal pairs with colons.
bool is_fingerprint(std::string_view text);

}  // namespace warder::oci
